/** The index row that a Rust app's storage writes for each of its entities; here it is only read. */
import { GUEST_LAYOUTS } from "../../crdt/actions.ts";
import { readMetadata, type Layout, type Metadata } from "../../crdt/metadata.ts";
import { BorshReader } from "../../model/borsh.ts";
import { sha256 } from "../../model/sha256.ts";

const ID = 32;

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

/** Undefined for bytes that are no index of any layout; what fits is read to its last byte. */
export function decodeEntityIndex(row: Uint8Array): EntityIndex | undefined {
  for (const layout of GUEST_LAYOUTS) {
    try {
      return read(row, layout);
    } catch {
      // The next layout, or none.
    }
  }
  return undefined;
}

/**
 * The hash of an index with its children. Earlier builds took the children in the order they are stored in, by age; later
 * ones by id, because nodes disagree on ages.
 */
export function fullHashes(
  ownHash: Uint8Array,
  children: readonly { readonly id: Uint8Array; readonly hash: Uint8Array }[],
): readonly Uint8Array[] {
  const byId = children.toSorted((a, b) => Buffer.compare(a.id, b.id));
  return [byId, children].map((ordered) => sha256(ownHash, ...ordered.map(({ hash }) => hash)));
}

function read(row: Uint8Array, layout: Layout): EntityIndex {
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
  skipDeletedChildren(reader, layout);
  return { id, parent, children: children ?? [], fullHash, ownHash, metadata, deletedAt };
}

/** Reads the end of an index: the ids of deleted children, which builds up to the middle of `G2+` do not have. */
export function skipDeletedChildren(reader: BorshReader, layout: Layout): void {
  const absent = layout === "G2" || (layout === "G2+" && reader.remaining === 0);
  if (!absent) reader.vec((inner) => inner.fixed(ID));
  reader.end();
}
