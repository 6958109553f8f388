/**
 * The root state of an app that keeps its own collections, replaced by what its migration returned. The guest's rows are
 * patched where their hashes change, from the root entry upwards, and the delta says the same as one action.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { GUEST_LAYOUTS, writeStorageDelta, type ChildInfo } from "../crdt/actions.ts";
import { readMetadata, type Layout, type Metadata } from "../crdt/metadata.ts";
import { BorshReader } from "../model/borsh.ts";
import type { Context } from "../model/context.ts";
import { bytesOf } from "../model/ids.ts";
import { sha256 } from "../model/sha256.ts";
import type { Outcome } from "../runtime/contract.ts";
import { keyOf } from "../storage/keys.ts";
import { guestEntryKey, guestIndexKey } from "../storage/merkle/row-keys.ts";
import { skipDeletedChildren } from "../storage/merkle/entity-index.ts";
import type { Reader, Row } from "../storage/store.ts";
import type { ContextParts } from "./parts.ts";

/** Id of the entry that holds an app's root state. */
const ROOT_ENTRY = new Uint8Array(32).fill(118);
const HASH = 32;
const STAMP_AT_METADATA = 8;

/** An index row with the places of what changes in it. */
interface IndexPlaces {
  readonly layout: Layout;
  readonly parent: Uint8Array | undefined;
  /** In the order in which they are hashed. */
  readonly children: readonly { readonly id: Uint8Array; readonly hashAt: number }[];
  readonly fullAt: number;
  readonly metadataAt: number;
  readonly metadata: Metadata;
}

/** The outcome as if the run had written `state` (borsh) as the context's root and committed. */
export function migrateRoot(parts: ContextParts, context: Context, state: Uint8Array, outcome: Outcome): Outcome {
  const prefix = bytesOf(context.id);
  const stored = rowReader(parts.store, prefix, outcome.rows);
  const old = stored(guestEntryKey(ROOT_ENTRY));
  if (old === undefined) throw new ShoalError("conflict", "the context has no root state to migrate");
  // The entry ends with its own id, which a migration does not return.
  const value = endsWith(old, ROOT_ENTRY) && !endsWith(state, ROOT_ENTRY) ? keyOf(state, ROOT_ENTRY) : state;
  const rows: Row[] = [{ column: "state", key: keyOf(prefix, guestEntryKey(ROOT_ENTRY)), value }];

  let id: Uint8Array = ROOT_ENTRY;
  let index = editable(stored, id);
  const now = parts.stamps.next();
  index.bytes.set(sha256(value), index.places.fullAt + HASH);
  index.bytes.writeBigUInt64LE(now, index.places.metadataAt + STAMP_AT_METADATA);
  const { layout } = index.places;
  const ancestors: ChildInfo[] = [];
  for (;;) {
    const full = fullHash(index.bytes, index.places);
    index.bytes.set(full, index.places.fullAt);
    rows.push({ column: "state", key: keyOf(prefix, guestIndexKey(id)), value: new Uint8Array(index.bytes) });
    if (id !== ROOT_ENTRY) ancestors.push({ id, merkleHash: full, metadata: index.places.metadata });
    const { parent } = index.places;
    if (parent === undefined) break;
    const above = editable(stored, parent);
    const place = above.places.children.find((child) => Buffer.compare(child.id, id) === 0);
    if (place === undefined) throw new ShoalError("conflict", "an entity is missing in its parent's children");
    above.bytes.set(full, place.hashAt);
    [id, index] = [parent, above];
  }
  const rootHash = new Uint8Array(index.bytes.subarray(index.places.fullAt, index.places.fullAt + HASH));
  const metadata = { ...editable(stored, ROOT_ENTRY).places.metadata, updatedAt: now };
  const artifact = writeStorageDelta({
    layout,
    actions: [{ kind: "update", id: ROOT_ENTRY, data: value, ancestors, metadata }],
  });
  return { ...outcome, rows: [...outcome.rows, ...rows], rootHash, artifact };
}

/** State rows as they will be: what the run left, else what is stored. */
function rowReader(
  store: Reader,
  prefix: Uint8Array,
  rows: readonly Row[],
): (key: Uint8Array) => Uint8Array | undefined {
  return (key) => {
    const full = keyOf(prefix, key);
    const written = rows.find((row) => row.column === "state" && Buffer.compare(row.key, full) === 0);
    return written === undefined ? store.get("state", full) : written.value;
  };
}

function editable(
  stored: (key: Uint8Array) => Uint8Array | undefined,
  id: Uint8Array,
): { readonly bytes: Buffer; readonly places: IndexPlaces } {
  const row = stored(guestIndexKey(id));
  const places = row === undefined ? undefined : firstPlacesIn(row);
  if (row === undefined || places === undefined) {
    throw new ShoalError("conflict", "the state is not made of entities that this node can read");
  }
  return { bytes: Buffer.from(row), places };
}

function firstPlacesIn(row: Uint8Array): IndexPlaces | undefined {
  for (const layout of GUEST_LAYOUTS) {
    const places = placesIn(row, layout);
    if (places !== undefined) return places;
  }
  return undefined;
}

/** undefined where the row does not read as that layout. */
function placesIn(row: Uint8Array, layout: Layout): IndexPlaces | undefined {
  try {
    const reader = new BorshReader(row);
    const at = (): number => row.length - reader.remaining;
    reader.fixed(HASH);
    const parent = reader.option((inner) => inner.fixed(HASH));
    const children = reader.option((inner) =>
      inner.vec((child) => {
        const found = { id: child.fixed(HASH), hashAt: at() };
        child.fixed(HASH);
        readMetadata(child, layout);
        return found;
      }),
    );
    const fullAt = at();
    reader.fixed(HASH + HASH);
    const metadataAt = at();
    const metadata = readMetadata(reader, layout);
    reader.option((inner) => inner.u64());
    skipDeletedChildren(reader, layout);
    const places = { layout, parent, children: children ?? [], fullAt, metadataAt, metadata };
    return { ...places, children: asHashed(row, places) };
  } catch {
    return undefined;
  }
}

/** The children in the order in which the row's hash has them: by id, else as stored. */
function asHashed(row: Uint8Array, places: IndexPlaces): IndexPlaces["children"] {
  const children = places.children.toSorted((a, b) => Buffer.compare(a.id, b.id));
  const full = row.subarray(places.fullAt, places.fullAt + HASH);
  return Buffer.compare(fullHash(row, { ...places, children }), full) === 0 ? children : places.children;
}

function fullHash(bytes: Uint8Array, { fullAt, children }: IndexPlaces): Uint8Array {
  const own = bytes.subarray(fullAt + HASH, fullAt + HASH + HASH);
  return sha256(own, ...children.map(({ hashAt }) => bytes.subarray(hashAt, hashAt + HASH)));
}

const endsWith = (bytes: Uint8Array, end: Uint8Array): boolean =>
  bytes.length >= end.length && Buffer.compare(bytes.subarray(bytes.length - end.length), end) === 0;
