/**
 * The ids of a context's deltas as a set that protocols compare. Read from the small rows when it is first asked for, kept level with
 * what reaches the disk, and let go of again when other contexts are asked for more.
 */
import { bytesOf, type ContextId } from "../model/ids.ts";
import { prefixRange } from "../storage/keys.ts";
import type { Reader } from "../storage/store.ts";
import type { IdItem, IdSet } from "../sync/protocols/contract.ts";
import { createIdSet } from "../sync/protocols/id-set.ts";
import { readKnown } from "./known.ts";

/** Contexts whose sets are kept; an id costs some 70 bytes. */
const MAX_SETS = 64;

export interface IdSets {
  of(id: ContextId): Promise<IdSet>;
  /** They are on disk. */
  add(id: ContextId, items: readonly IdItem[]): void;
  drop(id: ContextId): void;
}

/** All ids that the reader has of the context, into `set`. */
export async function readIds(reader: Reader, id: ContextId, set: IdSet): Promise<IdSet> {
  for await (const [key, value] of reader.scan("known", prefixRange(bytesOf(id)))) set.add(readKnown(key, value));
  return set;
}

export function createIdSets(store: Reader): IdSets {
  /** The one asked for last stands last. */
  const sets = new Map<ContextId, { readonly set: IdSet; readonly loaded: Promise<IdSet> }>();

  return {
    of(id) {
      let entry = sets.get(id);
      if (entry === undefined) {
        const set = createIdSet();
        // What is added meanwhile may be read as well, which adds nothing.
        const loaded = readIds(store, id, set);
        loaded.catch(() => sets.delete(id));
        entry = { set, loaded };
      }
      sets.delete(id);
      sets.set(id, entry);
      const [coldest] = sets.keys();
      if (sets.size > MAX_SETS && coldest !== undefined) sets.delete(coldest);
      return entry.loaded;
    },
    add(id, items) {
      const set = sets.get(id)?.set;
      if (set !== undefined) for (const item of items) set.add(item);
    },
    drop: (id) => void sets.delete(id),
  };
}
