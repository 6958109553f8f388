/** What a collector may remove from a context's state, decided row by row. No root depends on it. */
import { decodeEntityIndex } from "./entity-index.ts";
import { decodeEntity, type Entity } from "./entity-row.ts";
import { entityKey, guestEntryKey, guestIndexKey, ownerOfNode, ROW } from "./row-keys.ts";
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
  const [row] = key;
  if (row === ROW.collection || row === ROW.entry) {
    return key.length === 33 && isExpired(key, value, expiry) ? [key] : [];
  }
  if (row !== ROW.node && row !== ROW.shared) return [];
  return key.length > 33 && isOrphaned(ownerOfNode(key), expiry) ? [key] : [];
}

function isExpired(key: Uint8Array, value: Uint8Array, expiry: Expiry): boolean {
  const entity = decodeOrSkip(key.subarray(1), value);
  if (entity === undefined) return false;
  const { write, parent } = entity;
  if (write.deleted && write.updatedAt < expiry.beforeNs) return true;
  return key[0] === ROW.entry && isOrphaned(parent, expiry);
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

function expiredOfGuest(key: Uint8Array, value: Uint8Array, { beforeNs }: Expiry): readonly Uint8Array[] {
  const index = decodeEntityIndex(value);
  if (index?.deletedAt === undefined || index.deletedAt >= beforeNs) return [];
  // A value that only looks like an index does not stand at an index's key.
  if (Buffer.compare(guestIndexKey(index.id), key) !== 0) return [];
  return [key, guestEntryKey(index.id)];
}
