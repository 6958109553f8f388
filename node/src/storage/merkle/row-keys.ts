/** Keys of state rows, without the context's prefix. Those of the host layout begin with a letter; a guest's are hashes. */
import { sha256 } from "../../model/sha256.ts";

export const ROW = { collection: 0x63, entry: 0x65, clock: 0x6b, node: 0x6e, shared: 0x73 } as const;
/** Which trie of a collection: what is hashed, or everything that was written to a shared cell. */
export type TrieRow = typeof ROW.node | typeof ROW.shared;

const ID = 32;

export const CLOCK_KEY = Uint8Array.of(ROW.clock);

export function entityKey(row: typeof ROW.collection | typeof ROW.entry, id: Uint8Array): Uint8Array {
  const key = Buffer.allocUnsafe(1 + ID);
  key[0] = row;
  key.set(id, 1);
  return key;
}

/** `path`: the node's nibbles as hex digits. */
export function nodeKey(row: TrieRow, owner: Uint8Array, path: string): Uint8Array {
  const key = Buffer.alloc(2 + ID + ((path.length + 1) >>> 1));
  key[0] = row;
  key.set(owner, 1);
  key[1 + ID] = path.length;
  key.write(path.length % 2 === 0 ? path : `${path}0`, 2 + ID, "hex");
  return key;
}

/** The context or collection whose trie a node's row belongs to. */
export const ownerOfNode = (key: Uint8Array): Uint8Array => key.subarray(1, 1 + ID);

/** Guest layout: where the index and the value of an entity stand. */
export const guestIndexKey = (id: Uint8Array): Uint8Array => sha256(Uint8Array.of(0), id);
export const guestEntryKey = (id: Uint8Array): Uint8Array => sha256(Uint8Array.of(1), id);
