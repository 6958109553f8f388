/** Deleting a collection with its entries. Entries of other owners stay, unreachable, until a collector finds them. */
import { CollectionError } from "../error.ts";
import { collectionName, type CollectionName, type EntryName } from "../kinds.ts";
import type { State } from "../state.ts";
import { resetCounts } from "./counter.ts";
import { clear } from "./entries.ts";
import { removeCell } from "./shared.ts";
import { clearText } from "./text.ts";

/** What the entries of a collection are, where a tombstone removes them. */
const ENTRIES: Partial<Record<CollectionName, EntryName>> = {
  map: "mapEntry",
  sortedMap: "mapEntry",
  set: "setEntry",
  sortedSet: "setEntry",
  vector: "element",
  register: "registerValue",
  userStorage: "userSlot",
  authoredMap: "authoredEntry",
  authoredVector: "authoredElement",
};

/** Whether there was one. */
export function deleteCollection(state: State, id: Uint8Array): boolean {
  const { context } = state.env;
  const entity = state.entity(context, id);
  const name = collectionName(entity?.write.data[0]);
  if (entity === undefined || entity.write.deleted || name === undefined) return false;
  if (name === "frozenStorage") throw new CollectionError("ActionNotAllowed: what is frozen is never deleted");
  if (name === "shared") {
    removeCell(state, id);
    return true;
  }
  if (name === "counter" || name === "pnCounter") resetCounts(state, id);
  if (name === "text") clearText(state, id);
  const entries = ENTRIES[name];
  if (entries !== undefined) clear(state, id, entries);
  state.write(context, entity.id, { ...entity.write, updatedAt: state.stamp(), deleted: true });
  return true;
}
