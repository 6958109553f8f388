/** Values under keys that a team shares, and notes on them that stay on one's own node. */
import { Counter, Map, app, emit, event, fail, init, json, view } from "@shoal/app";

@json
class Entry {
  constructor(
    readonly key: string,
    readonly value: string,
  ) {}
}

@event
class Stored {
  constructor(
    readonly key: string,
    readonly value: string,
  ) {}
}

@event
class Removed {
  constructor(readonly key: string) {}
}

@app
class KvStore {
  items: Map<string, string>;
  writes: Counter;
  @private notes: Map<string, string>;

  @init
  init(entries: Entry[] = []): void {
    for (let i = 0; i < entries.length; i++) this.items.set(entries[i].key, entries[i].value);
  }

  set(key: string, value: string): void {
    if (key.length == 0) fail("a key has at least one character", "invalid_argument");
    this.items.set(key, value);
    this.writes.increment();
    emit(new Stored(key, value));
  }

  @view
  get(key: string): string | null {
    return this.items.get(key);
  }

  remove(key: string): bool {
    if (!this.items.delete(key)) return false;
    emit(new Removed(key));
    return true;
  }

  /** In the order of the keys, `limit` from the one behind `after` on. */
  @view
  list(prefix: string = "", after: string = "", limit: i32 = 100): Entry[] {
    const keys = this.items.keys().sort();
    const page = new Array<Entry>();
    for (let i = 0; i < keys.length && page.length < limit; i++) {
      if (keys[i] > after && keys[i].startsWith(prefix)) page.push(new Entry(keys[i], this.items.getOr(keys[i], "")));
    }
    return page;
  }

  @view
  len(): i32 {
    return this.items.size;
  }

  /** How often anything was stored, over all replicas. */
  @view
  written(): u64 {
    return this.writes.value;
  }

  /** Only this node keeps it. */
  setNote(key: string, note: string): void {
    this.notes.set(key, note);
  }

  @view
  note(key: string): string | null {
    return this.notes.get(key);
  }
}
