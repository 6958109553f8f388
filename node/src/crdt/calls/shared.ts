/** Shared cells, as calls: see `shared-cell.ts` for who may write and what is read. */
import type { SharedCalls } from "../contract.ts";
import { CollectionError } from "../error.ts";
import { writeValue, writeWriters } from "../payloads.ts";
import { isMember, readCell, type Cell } from "../shared-cell.ts";
import type { State } from "../state.ts";
import { create, createWithId, open, put } from "./entries.ts";

const KEY_BYTES = 32;
/** Writers of one cell. */
const MAX_WRITERS = 1024;

export function sharedCalls(state: State): SharedCalls {
  const make = (id: Uint8Array, writers: Uint8Array, frozen: boolean): Uint8Array => {
    put(
      state,
      id,
      "writers",
      writeWriters({ previous: undefined, frozen, writers: keysOf(writers), carried: undefined }),
    );
    return id;
  };
  return {
    create: (writers, frozen) => make(create(state, "shared"), writers, frozen),
    createWithId(id, writers, frozen) {
      createWithId(state, "shared", id);
      if (readCell(state, id) === undefined) make(id, writers, frozen);
      cellOf(state, id);
      return id;
    },
    set(id, value) {
      writable(state, id);
      put(state, id, "sharedSlot", writeValue("sharedSlot", value));
    },
    get: (id) => cellOf(state, id).value?.value,
    writers: (id) => Buffer.concat(cellOf(state, id).set.writers),
    writableByMe: (id) => isMember(cellOf(state, id).set, state.env.executor),
    isFrozen: (id) => cellOf(state, id).set.frozen,
    rotateWriters: (id, writers) => rotate(state, id, keysOf(writers)),
  };
}

/** A cell goes with its writer set: the last one has no members. */
export function removeCell(state: State, id: Uint8Array): void {
  rotate(state, id, []);
}

function rotate(state: State, id: Uint8Array, writers: readonly Uint8Array[]): void {
  const { set, id: previous, value } = writable(state, id);
  if (set.frozen) throw new CollectionError("ActionNotAllowed: the writer set is frozen", "permission_denied");
  put(
    state,
    id,
    "writers",
    writeWriters({ previous, frozen: false, writers, carried: writers.length === 0 ? undefined : value }),
  );
}

/** Throws where the cell is gone. */
function cellOf(state: State, id: Uint8Array): Cell {
  open(state, "shared", id);
  const cell = readCell(state, id);
  if (cell !== undefined && cell.set.writers.length > 0) return cell;
  throw new CollectionError(`there is no shared cell ${Buffer.from(id).toString("hex")}`, "not_found");
}

function writable(state: State, id: Uint8Array): Cell {
  const cell = cellOf(state, id);
  if (isMember(cell.set, state.env.executor)) return cell;
  throw new CollectionError("ActionNotAllowed: only a member of the writer set may write", "permission_denied");
}

/** The members of a set, each once, ascending. */
function keysOf(writers: Uint8Array): readonly Uint8Array[] {
  const count = writers.length / KEY_BYTES;
  if (!Number.isInteger(count) || count === 0 || count > MAX_WRITERS) {
    throw new CollectionError(`ActionNotAllowed: a writer set is 1 to ${MAX_WRITERS} keys of ${KEY_BYTES} bytes`);
  }
  const keys: Uint8Array[] = [];
  for (let at = 0; at < writers.length; at += KEY_BYTES) keys.push(writers.slice(at, at + KEY_BYTES));
  keys.sort((a, b) => Buffer.compare(a, b));
  return keys.filter((key, at) => at === 0 || Buffer.compare(key, keys[at - 1]!) !== 0);
}
