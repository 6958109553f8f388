/**
 * The root state of an app that keeps its own collections, replaced by what its migration returned. The guest's rows are
 * patched where their hashes change, from the root entry upwards, and the delta says the same as one action.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { writeStorageDelta, type ChildInfo } from "../crdt/actions.ts";
import type { Context } from "../model/context.ts";
import { bytesOf } from "../model/ids.ts";
import { sha256 } from "../model/sha256.ts";
import type { Outcome } from "../runtime/contract.ts";
import { keyOf } from "../storage/keys.ts";
import {
  decodeEntityIndex,
  HASH,
  hashWithChildren,
  inHashOrder,
  type EntityIndex,
} from "../storage/merkle/entity-index.ts";
import { guestEntryKey, guestIndexKey } from "../storage/merkle/row-keys.ts";
import type { Reader, Row } from "../storage/store.ts";
import type { ContextParts } from "./parts.ts";

/** Id of the entry that holds an app's root state. */
const ROOT_ENTRY = new Uint8Array(32).fill(118);
const UPDATED_AT = 8;

type Stored = (key: Uint8Array) => Uint8Array | undefined;

/** The outcome as if the run had written `state` (borsh) as the context's root and committed. */
export function migrateRoot(parts: ContextParts, context: Context, state: Uint8Array, outcome: Outcome): Outcome {
  const prefix = bytesOf(context.id);
  const stored = rowReader(parts.store, prefix, outcome.rows);
  const old = stored(guestEntryKey(ROOT_ENTRY));
  if (old === undefined) throw new ShoalError("conflict", "the context has no root state to migrate");
  // The entry ends with its own id, which a migration does not return.
  const value = endsWith(old, ROOT_ENTRY) && !endsWith(state, ROOT_ENTRY) ? keyOf(state, ROOT_ENTRY) : state;
  const rows: Row[] = [{ column: "state", key: keyOf(prefix, guestEntryKey(ROOT_ENTRY)), value }];

  const now = parts.stamps.next();
  let entity = editable(stored, ROOT_ENTRY);
  const { layout, metadata } = entity.index;
  let own = sha256(value);
  entity.bytes.set(own, entity.index.hashesAt + HASH);
  entity.bytes.writeBigUInt64LE(now, entity.index.metadataAt + UPDATED_AT);
  const ancestors: ChildInfo[] = [];
  let rootHash: Uint8Array;
  for (;;) {
    const { bytes, index, children } = entity;
    const full = hashWithChildren(own, children);
    bytes.set(full, index.hashesAt);
    rows.push({ column: "state", key: keyOf(prefix, guestIndexKey(index.id)), value: new Uint8Array(bytes) });
    if (Buffer.compare(index.id, ROOT_ENTRY) !== 0)
      ancestors.push({ id: index.id, merkleHash: full, metadata: index.metadata });
    rootHash = full;
    if (index.parent === undefined) break;
    const above = editable(stored, index.parent);
    const place = above.children.find((child) => Buffer.compare(child.id, index.id) === 0);
    if (place === undefined) throw new ShoalError("conflict", "an entity is missing in its parent's children");
    above.bytes.set(full, place.hashAt);
    place.hash = full;
    own = above.index.ownHash;
    entity = above;
  }
  const artifact = writeStorageDelta({
    layout,
    actions: [{ kind: "update", id: ROOT_ENTRY, data: value, ancestors, metadata: { ...metadata, updatedAt: now } }],
  });
  return { ...outcome, rows: [...outcome.rows, ...rows], rootHash, artifact };
}

/** State rows as they will be: what the run left, else what is stored. */
function rowReader(store: Reader, prefix: Uint8Array, rows: readonly Row[]): Stored {
  return (key) => {
    const full = keyOf(prefix, key);
    const written = rows.find((row) => row.column === "state" && Buffer.compare(row.key, full) === 0);
    return written === undefined ? store.get("state", full) : written.value;
  };
}

interface Editable {
  /** The row, to be changed. */
  readonly bytes: Buffer;
  readonly index: EntityIndex;
  /** In the order in which they are hashed. */
  readonly children: readonly { readonly id: Uint8Array; readonly hashAt: number; hash: Uint8Array }[];
}

function editable(stored: Stored, id: Uint8Array): Editable {
  const row = stored(guestIndexKey(id));
  const index = row === undefined ? undefined : decodeEntityIndex(row);
  if (row === undefined || index === undefined) {
    throw new ShoalError("conflict", "the state is not made of entities that this node can read");
  }
  return { bytes: Buffer.from(row), index, children: inHashOrder(index).map((child) => ({ ...child })) };
}

const endsWith = (bytes: Uint8Array, end: Uint8Array): boolean =>
  bytes.length >= end.length && Buffer.compare(bytes.subarray(bytes.length - end.length), end) === 0;
