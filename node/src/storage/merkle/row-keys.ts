/**
 * Keys of state rows, without the context's prefix. Those of the host layout begin with a byte that is in no text and a letter
 * that says which row it is; a Rust app's are hashes. Other apps name their rows as they like, beside them.
 */
import { sha256 } from "../../model/sha256.ts";

export const ROW = { collection: 0x63, entry: 0x65, clock: 0x6b, node: 0x6e, shared: 0x73 } as const;
export type HostRow = (typeof ROW)[keyof typeof ROW];
/** Which trie of a collection: what is hashed, or everything that was written to a shared cell. */
export type TrieRow = typeof ROW.node | typeof ROW.shared;

const HOST = 0xff;
/** Bytes before the id. */
const HEAD = 2;
const ID = 32;

export const CLOCK_KEY = Uint8Array.of(HOST, ROW.clock);

export function entityKey(row: typeof ROW.collection | typeof ROW.entry, id: Uint8Array): Uint8Array {
  const key = Buffer.allocUnsafe(HEAD + ID);
  key[0] = HOST;
  key[1] = row;
  key.set(id, HEAD);
  return key;
}

/** `path`: the node's nibbles as hex digits. */
export function nodeKey(row: TrieRow, owner: Uint8Array, path: string): Uint8Array {
  const key = Buffer.alloc(HEAD + ID + 1 + ((path.length + 1) >>> 1));
  key[0] = HOST;
  key[1] = row;
  key.set(owner, HEAD);
  key[HEAD + ID] = path.length;
  key.write(path.length % 2 === 0 ? path : `${path}0`, HEAD + ID + 1, "hex");
  return key;
}

/** What a key of the host layout names: the row, and the entity's id or the context or collection whose trie it belongs to. */
export function readHostKey(key: Uint8Array): { readonly row: HostRow; readonly id: Uint8Array } | undefined {
  const [head, row] = key;
  if (head !== HOST || key.length < HEAD + ID) return undefined;
  const id = key.subarray(HEAD, HEAD + ID);
  if (row === ROW.collection || row === ROW.entry) return key.length === HEAD + ID ? { row, id } : undefined;
  if (row !== ROW.node && row !== ROW.shared) return undefined;
  const depth = key[HEAD + ID];
  return depth !== undefined && key.length === HEAD + ID + 1 + ((depth + 1) >>> 1) ? { row, id } : undefined;
}

/** Guest layout: where the index and the value of an entity stand. */
export const guestIndexKey = (id: Uint8Array): Uint8Array => sha256(Uint8Array.of(0), id);
export const guestEntryKey = (id: Uint8Array): Uint8Array => sha256(Uint8Array.of(1), id);
