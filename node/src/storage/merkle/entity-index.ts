/** The index row that a Rust app's storage writes for each of its entities; here it is only read. */
import { readMetadata, type Layout, type Metadata } from "../../crdt/metadata.ts";
import { BorshReader } from "../../model/borsh.ts";

export interface EntityIndex {
  readonly id: Uint8Array;
  readonly parent: Uint8Array | undefined;
  readonly children: readonly { readonly id: Uint8Array; readonly hash: Uint8Array }[];
  readonly fullHash: Uint8Array;
  readonly ownHash: Uint8Array;
  readonly metadata: Metadata;
  /** Nanoseconds since the epoch. */
  readonly deletedAt: bigint | undefined;
}

/** The oldest has nothing after the time of deletion, so it fits exactly or not at all. */
const LAYOUTS: readonly Layout[] = ["G2", "G3+", "G3"];

/** Undefined for bytes that are no index of either generation. */
export function decodeEntityIndex(row: Uint8Array): EntityIndex | undefined {
  for (const layout of LAYOUTS) {
    try {
      const { index, rest } = read(row, layout);
      if (layout !== "G2" || rest === 0) return index;
    } catch {
      // The next layout, or none.
    }
  }
  return undefined;
}

function read(row: Uint8Array, layout: Layout): { index: EntityIndex; rest: number } {
  const reader = new BorshReader(row);
  const id = reader.fixed(32);
  const parent = reader.option((inner) => inner.fixed(32));
  const children = reader.option((inner) =>
    inner.vec((child) => {
      const found = { id: child.fixed(32), hash: child.fixed(32) };
      readMetadata(child, layout);
      return found;
    }),
  );
  const fullHash = reader.fixed(32);
  const ownHash = reader.fixed(32);
  const metadata = readMetadata(reader, layout);
  const deletedAt = reader.option((inner) => inner.u64());
  const index = { id, parent, children: children ?? [], fullHash, ownHash, metadata, deletedAt };
  return { index, rest: reader.remaining };
}
