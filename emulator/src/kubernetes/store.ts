/**
 * All objects, one revision that counts every write, and the latest changes of each kind for watches to start from. Knows
 * nothing of what the objects mean: the rules of the API are in `writes.ts`. Relies on the journal for what outlasts a kill.
 * Every method is synchronous, so a write that was checked cannot be overtaken between check and change.
 */
import { openJournal, type Entry, type Journal } from "./journal.ts";
import { keyOf, type ApiObject } from "./object.ts";

/** A stored object and its JSON, kept together: it is written once and sent many times. */
export interface Stored {
  readonly object: ApiObject;
  readonly text: string;
  readonly revision: number;
}

export interface Change {
  readonly revision: number;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  /** For DELETED its last state, under the revision of its end. */
  readonly now: Stored;
  readonly before: Stored | undefined;
}

export interface Store {
  readonly revision: number;
  get(kind: string, key: string): Stored | undefined;
  /** In the order of their keys. Never changed afterwards: it is a snapshot. */
  list(kind: string): readonly Stored[];
  /** Creates or replaces; gives the object its resourceVersion. */
  put(kind: string, object: ApiObject): Stored;
  remove(kind: string, key: string): Stored | undefined;
  /** The changes after `revision`, or where they begin if they are no longer kept. */
  since(kind: string, revision: number): readonly Change[] | { readonly oldest: number };
  listen(kind: string, listener: (change: Change) => void): () => void;
  /** Forgets the changes so far, as a compaction does: every earlier start has expired. */
  compact(): void;
  synced(): Promise<void>;
  close(): void;
}

interface Shelf {
  readonly objects: Map<string, Stored>;
  readonly listeners: Set<(change: Change) => void>;
  sorted: readonly Stored[] | undefined;
  changes: Change[];
  /** Changes at or before this revision are no longer kept. */
  forgotten: number;
}

interface StoreInit {
  readonly path: string;
  /** Changes kept per kind. */
  readonly watchWindow: number;
}

export function openStore(init: StoreInit): Store {
  const shelves = new Map<string, Shelf>();
  let revision = 0;
  const shelf = (kind: string): Shelf => {
    let found = shelves.get(kind);
    if (found === undefined) {
      found = { objects: new Map(), listeners: new Set(), sorted: undefined, changes: [], forgotten: start };
      shelves.set(kind, found);
    }
    return found;
  };
  let start = 0;
  const journal: Journal = openJournal({
    path: init.path,
    replay: (entry) => {
      revision = Math.max(revision, entry.revision);
      if (entry.kind !== "") restore(shelf(entry.kind), entry);
    },
    alive: () => ({ revision, entries: entriesOf(shelves) }),
  });
  start = revision;
  for (const each of shelves.values()) each.forgotten = start;

  /** `object` is what is there from now on; undefined: nothing. */
  const write = (kind: string, key: string, object: ApiObject | undefined): Change | undefined => {
    const here = shelf(kind);
    const before = here.objects.get(key);
    const said = object ?? before?.object;
    if (said === undefined) return undefined;
    revision++;
    const now = stamped(said, revision);
    const gone = object === undefined;
    journal.append(gone ? { revision, kind, key } : { revision, kind, key, text: now.text });
    if (gone) here.objects.delete(key);
    else here.objects.set(key, now);
    here.sorted = undefined;
    journal.rewriteIfGrown();
    const type = gone ? "DELETED" : before === undefined ? "ADDED" : "MODIFIED";
    const change: Change = { revision, type, now, before };
    publish(here, change, init.watchWindow);
    return change;
  };
  return {
    get revision() {
      return revision;
    },
    get: (kind, key) => shelf(kind).objects.get(key),
    list: (kind) => sortedOf(shelf(kind)),
    put: (kind, object) => {
      const change = write(kind, keyOf(object), object);
      if (change === undefined) throw new Error("an object that was put is there");
      return change.now;
    },
    remove: (kind, key) => write(kind, key, undefined)?.now,
    since: (kind, from) => {
      const { changes, forgotten } = shelf(kind);
      if (from < forgotten) return { oldest: forgotten };
      return changes.slice(firstAfter(changes, from));
    },
    listen: (kind, listener) => {
      const { listeners } = shelf(kind);
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    compact: () => {
      start = revision;
      for (const each of shelves.values()) Object.assign(each, { changes: [], forgotten: revision });
    },
    synced: async () => journal.synced(),
    close: () => journal.close(),
  };
}

function publish(shelf: Shelf, change: Change, window: number): void {
  shelf.changes.push(change);
  // Cut rarely and by half, so that a write costs no copy of the window.
  if (shelf.changes.length > window * 2) forget(shelf, window);
  for (const listener of shelf.listeners) listener(change);
}

function forget(shelf: Shelf, keep: number): void {
  shelf.forgotten = shelf.changes.at(-keep - 1)?.revision ?? shelf.forgotten;
  shelf.changes = shelf.changes.slice(-keep);
}

function restore(shelf: Shelf, entry: Entry): void {
  if (entry.text === undefined) shelf.objects.delete(entry.key);
  else {
    const object = JSON.parse(entry.text) as ApiObject;
    shelf.objects.set(entry.key, { object, text: entry.text, revision: entry.revision });
  }
}

function* entriesOf(shelves: ReadonlyMap<string, Shelf>): Generator<Entry> {
  for (const [kind, { objects }] of shelves) {
    for (const [key, { revision, text }] of objects) yield { revision, kind, key, text };
  }
}

/** The same object under a revision, its kind first in its text: lists leave the kind of built-in objects out. */
function stamped(object: ApiObject, revision: number): Stored {
  const { kind, apiVersion, metadata, ...rest } = object;
  const made: ApiObject = {
    kind,
    apiVersion,
    metadata: { ...metadata, resourceVersion: String(revision) },
    ...rest,
  };
  return { object: made, text: JSON.stringify(made), revision };
}

function sortedOf(shelf: Shelf): readonly Stored[] {
  shelf.sorted ??= [...shelf.objects].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, stored]) => stored);
  return shelf.sorted;
}

/** Index of the first change after `revision`; changes are in order. */
function firstAfter(changes: readonly Change[], revision: number): number {
  let low = 0;
  let high = changes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((changes[middle]?.revision ?? 0) <= revision) low = middle + 1;
    else high = middle;
  }
  return low;
}
