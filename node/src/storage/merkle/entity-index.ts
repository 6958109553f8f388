/** The index row that a Rust app's storage writes for each of its entities, with the places of what a host may change in it. */
import { GUEST_LAYOUTS } from "../../crdt/actions.ts";
import { readMetadata, type Layout, type Metadata } from "../../crdt/metadata.ts";
import { BorshReader } from "../../model/borsh.ts";
import { sha256 } from "../../model/sha256.ts";

const ID = 32;
export const HASH = 32;

interface Child {
  readonly id: Uint8Array;
  readonly hash: Uint8Array;
  /** Where in the row the hash is. */
  readonly hashAt: number;
}

export interface EntityIndex {
  readonly layout: Layout;
  readonly id: Uint8Array;
  readonly parent: Uint8Array | undefined;
  /** As stored: by age. */
  readonly children: readonly Child[];
  readonly fullHash: Uint8Array;
  readonly ownHash: Uint8Array;
  readonly metadata: Metadata;
  /** Nanoseconds since the epoch. */
  readonly deletedAt: bigint | undefined;
  /** Where in the row the full hash is; the own hash follows. */
  readonly hashesAt: number;
  readonly metadataAt: number;
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

export const hashWithChildren = (ownHash: Uint8Array, children: readonly Pick<Child, "hash">[]): Uint8Array =>
  // One argument: a list may have more children than a call may have arguments.
  sha256(Buffer.concat([ownHash, ...children.map(({ hash }) => hash)]));

/** The children in the order in which they are hashed: by id, because nodes disagree on ages; earlier builds, as stored. */
export function inHashOrder({ ownHash, fullHash, children }: EntityIndex): readonly Child[] {
  const byId = children.toSorted((a, b) => Buffer.compare(a.id, b.id));
  return Buffer.compare(hashWithChildren(ownHash, byId), fullHash) === 0 ? byId : children;
}

function read(row: Uint8Array, layout: Layout): EntityIndex {
  const reader = new BorshReader(row);
  const at = (): number => row.length - reader.remaining;
  const id = reader.fixed(ID);
  const parent = reader.option((inner) => inner.fixed(ID));
  const children = reader.option((inner) =>
    inner.vec((child) => {
      const found = { id: child.fixed(ID), hashAt: at(), hash: child.fixed(HASH) };
      readMetadata(child, layout);
      return found;
    }),
  );
  const hashesAt = at();
  const [fullHash, ownHash] = [reader.fixed(HASH), reader.fixed(HASH)];
  const metadataAt = at();
  const metadata = readMetadata(reader, layout);
  const deletedAt = reader.option((inner) => inner.u64());
  // The ids of deleted children, which builds up to the middle of `G2+` do not have.
  const ends = layout === "G2" || (layout === "G2+" && reader.remaining === 0);
  if (!ends) reader.vec((inner) => inner.fixed(ID));
  reader.end();
  const places = { hashesAt, metadataAt };
  return { layout, id, parent, children: children ?? [], fullHash, ownHash, metadata, deletedAt, ...places };
}
