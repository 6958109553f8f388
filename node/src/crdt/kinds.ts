/**
 * Kinds of entities: the first byte of an entity's data. A kind decides what the payload is, which id it must stand at, who
 * may write it and how two writes merge; nothing else is asked of an entity, so every replica judges it alike, whatever it
 * has seen before.
 */

/** Collections: children of the context. Their data is the kind alone. */
export const COLLECTION = {
  map: 1,
  sortedMap: 2,
  set: 3,
  sortedSet: 4,
  vector: 5,
  register: 6,
  counter: 7,
  pnCounter: 8,
  text: 9,
  userStorage: 10,
  frozenStorage: 11,
  authoredMap: 12,
  authoredVector: 13,
  shared: 14,
} as const;
export type CollectionName = keyof typeof COLLECTION;

/** Entries: children of a collection. Payloads are in `payloads.ts`. */
export const ENTRY = {
  mapEntry: 32,
  setEntry: 33,
  element: 34,
  registerValue: 35,
  count: 36,
  run: 37,
  userSlot: 38,
  frozenValue: 39,
  authoredEntry: 40,
  authoredElement: 41,
  writers: 42,
  sharedSlot: 43,
} as const;
export type EntryName = keyof typeof ENTRY;

/** The document of apps that keep their root as one value; a child of the context at an id of its own. */
export const ROOT_DOCUMENT = 64;
export const ROOT_DOCUMENT_ID = new Uint8Array(32).fill(118);

const NAMES = new Map<number, CollectionName>(
  (Object.keys(COLLECTION) as CollectionName[]).map((name) => [COLLECTION[name], name]),
);
const ENTRY_NAMES = new Map<number, EntryName>((Object.keys(ENTRY) as EntryName[]).map((name) => [ENTRY[name], name]));

export const collectionName = (kind: number | undefined): CollectionName | undefined =>
  kind === undefined ? undefined : NAMES.get(kind);
export const entryName = (kind: number | undefined): EntryName | undefined =>
  kind === undefined ? undefined : ENTRY_NAMES.get(kind);

/** Entries that their owner signs. */
export const OWNED: ReadonlySet<EntryName> = new Set([
  "userSlot",
  "authoredEntry",
  "authoredElement",
  "writers",
  "sharedSlot",
]);
/** Entries that never change and never go; of two writes the earlier stands. */
export const IMMUTABLE: ReadonlySet<EntryName> = new Set(["frozenValue", "writers"]);
/** Entries that are merged from both writes, and therefore are never tombstoned. */
export const MERGED: ReadonlySet<EntryName> = new Set(["count", "run"]);
/** Collections that no tombstone removes: what is frozen stays, and a shared cell goes with its writer set. */
export const LASTING: ReadonlySet<CollectionName> = new Set(["frozenStorage", "shared"]);
