/** What all calls share: finding and making collections, writing entries, and the encodings of answers. */
import type { Write } from "../../storage/merkle/entity-row.ts";
import { BorshWriter } from "../../model/borsh.ts";
import { CollectionError } from "../error.ts";
import { COLLECTION, collectionName, OWNED, type CollectionName, type EntryName } from "../kinds.ts";
import { entryId } from "../payloads.ts";
import type { State } from "../state.ts";

const ID_BYTES = 32;

/** Makes a collection with a random id. */
export function create(state: State, name: CollectionName): Uint8Array {
  return createWithId(state, name, state.env.random(ID_BYTES));
}

/** The collection `id`, made where there is none; throws where it is of another kind. */
export function createWithId(state: State, name: CollectionName, id: Uint8Array): Uint8Array {
  if (id.length !== ID_BYTES) throw new CollectionError(`a collection's id has ${ID_BYTES} bytes, not ${id.length}`);
  const { context } = state.env;
  if (Buffer.compare(id, context) === 0) throw new CollectionError("the context's own id is no collection's");
  const existing = state.entity(context, id);
  if (existing !== undefined && !existing.write.deleted) {
    open(state, name, id);
    return id;
  }
  const stamp = state.stamp();
  const data = Uint8Array.of(COLLECTION[name]);
  state.write(context, Uint8Array.from(id), { createdAt: stamp, updatedAt: stamp, deleted: false, data });
  return id;
}

/** Throws where `id` is no live collection of that kind. */
export function open(state: State, name: CollectionName, id: Uint8Array): void {
  const entity = state.entity(state.env.context, id);
  if (entity === undefined || entity.write.deleted) {
    throw new CollectionError(`there is no collection ${Buffer.from(id).toString("hex")}`, "not_found");
  }
  const kind = entity.write.data[0];
  if (kind === COLLECTION[name]) return;
  throw new CollectionError(`the collection is a ${collectionName(kind) ?? "document"}, not a ${name}`);
}

/** Writes an entry; its id follows from its data. */
export function put(
  state: State,
  collection: Uint8Array,
  name: EntryName,
  data: Uint8Array,
  deleted = false,
): Uint8Array {
  const owner = OWNED.has(name) ? state.env.executor : undefined;
  const id = entryId(name, collection, data, owner);
  const before = state.live(collection, id);
  const stamp = state.stamp();
  const write: Write = {
    createdAt: before?.createdAt ?? stamp,
    updatedAt: stamp,
    deleted,
    data,
    ...(owner === undefined ? {} : { owner }),
  };
  state.write(Uint8Array.from(collection), id, write);
  return id;
}

/** Live writes of a collection's entries in the order of their ids. */
export function* entries(state: State, collection: Uint8Array, kind: number): Generator<Write> {
  for (const id of state.trie(collection).ids()) {
    const write = state.live(collection, id);
    // Whoever breaks the rules may put an entry of another kind into a collection; nobody reads it.
    if (write !== undefined && write.data[0] === kind) yield write;
  }
}

/** Tombstones every entry of a collection that this run may delete. */
export function clear(state: State, collection: Uint8Array, name: EntryName): void {
  for (const id of Array.from(state.trie(collection).ids())) {
    const write = state.live(collection, id);
    if (write === undefined) continue;
    if (write.owner !== undefined && Buffer.compare(write.owner, state.env.executor) !== 0) continue;
    put(state, collection, name, write.data, true);
  }
}

export function u64(value: bigint | number): Uint8Array {
  return new BorshWriter().u64(BigInt(value)).done();
}

export function i64(value: bigint): Uint8Array {
  return new BorshWriter().u64(BigInt.asUintN(64, value)).done();
}

/** count u32 LE, then (length u32 LE, bytes) of each part; `per` parts are one of what is counted. */
export function listOf(parts: readonly Uint8Array[], per = 1): Uint8Array {
  const writer = new BorshWriter().u32(parts.length / per);
  for (const part of parts) writer.bytes(part);
  return writer.done();
}
