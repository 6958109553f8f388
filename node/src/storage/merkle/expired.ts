/** What a collector may remove from a context's state, decided row by row. No root depends on it. */
import { decodeEntityIndex } from "./entity-index.ts";
import { decodeEntity, type Entity } from "./entity-row.ts";
import { entityKey, guestEntryKey, guestIndexKey, readHostKey, ROW } from "./row-keys.ts";
import { decodeNode } from "./trie-node.ts";
import type { GetRow } from "./walk.ts";

export interface Expiry {
  readonly get: GetRow;
  /** 32 bytes. */
  readonly context: Uint8Array;
  /** Tombstones older than this may go; nanoseconds since the epoch. */
  readonly beforeNs: bigint;
}

/** Keys of the rows that may be removed because of this row of the state; keys are without the context's prefix. */
export function expiredRows(key: Uint8Array, value: Uint8Array, expiry: Expiry): readonly Uint8Array[] {
  if (key.length === 32) return expiredOfGuest(key, value, expiry);
  const named = readHostKey(key);
  if (named === undefined) return [];
  const { row, id } = named;
  // A row that an app keeps under such a name is told from the host's by what it holds.
  if (row === ROW.node || row === ROW.shared) return isNode(value) && isOrphaned(id, expiry) ? [key] : [];
  const entity = decodeOrSkip(id, value);
  if (entity === undefined) return [];
  const { write, parent } = entity;
  if (write.deleted && write.updatedAt < expiry.beforeNs) return [key];
  return row === ROW.entry && isOrphaned(parent, expiry) ? [key] : [];
}

/** Entries and nodes of a collection go with it. */
function isOrphaned(owner: Uint8Array, expiry: Expiry): boolean {
  if (Buffer.compare(owner, expiry.context) === 0) return false;
  const row = expiry.get(entityKey(ROW.collection, owner));
  if (row === undefined) return true;
  const entity = decodeOrSkip(owner, row);
  return entity !== undefined && entity.write.deleted && entity.write.updatedAt < expiry.beforeNs;
}

function decodeOrSkip(id: Uint8Array, row: Uint8Array): Entity | undefined {
  try {
    return decodeEntity(id, row);
  } catch {
    return undefined;
  }
}

function isNode(row: Uint8Array): boolean {
  try {
    decodeNode(row);
    return true;
  } catch {
    return false;
  }
}

/** A guest removes the value with the deletion: where there is one, the entity was written again and stands in the tree. */
function expiredOfGuest(key: Uint8Array, value: Uint8Array, { get, beforeNs }: Expiry): readonly Uint8Array[] {
  const index = decodeEntityIndex(value);
  if (index?.deletedAt === undefined || index.deletedAt >= beforeNs) return [];
  // A value that only looks like an index does not stand at an index's key.
  if (Buffer.compare(guestIndexKey(index.id), key) !== 0) return [];
  return get(guestEntryKey(index.id)) === undefined ? [key] : [];
}
