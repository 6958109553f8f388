/**
 * What was accepted and is not confirmed, in the order of acceptance. Everything before `#next` was sent in this session,
 * everything from it on was not; to send all of it again is to put `#next` back to the first. Pure.
 */
export class Window<Entry extends { readonly bytes: number }> {
  readonly #entries = new Map<number, Entry>();
  readonly #limits: { readonly count: number; readonly bytes: number };
  #last = 0;
  #next = 1;
  #bytes = 0;

  constructor(limits: { readonly count: number; readonly bytes: number }) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** One entry always fits into an empty window, so that a big one is not waited for in vain. */
  fits(bytes: number): boolean {
    return (
      this.#entries.size === 0 || (this.#entries.size < this.#limits.count && this.#bytes + bytes <= this.#limits.bytes)
    );
  }

  add(entry: Entry): void {
    this.#entries.set(++this.#last, entry);
    this.#bytes += entry.bytes;
  }

  /** The next that was not sent in this session, with its place. */
  takeUnsent(): readonly [place: number, entry: Entry] | undefined {
    while (this.#next <= this.#last) {
      const place = this.#next++;
      const entry = this.#entries.get(place);
      if (entry !== undefined) return [place, entry];
    }
    return undefined;
  }

  /** Returns the entry, if it was still there. */
  remove(place: number): Entry | undefined {
    const entry = this.#entries.get(place);
    if (entry === undefined) return undefined;
    this.#entries.delete(place);
    this.#bytes -= entry.bytes;
    return entry;
  }

  /** From here on all of it counts as not sent. Returns how many had been. */
  rewind(): number {
    const [first = this.#last + 1] = this.#entries.keys();
    let sent = 0;
    for (const place of this.#entries.keys()) if (place < this.#next) sent++;
    this.#next = Math.min(this.#next, first);
    return sent;
  }

  *[Symbol.iterator](): Iterator<Entry> {
    yield* this.#entries.values();
  }

  /** Empties it. */
  takeAll(): Entry[] {
    const all = [...this.#entries.values()];
    this.#entries.clear();
    this.#bytes = 0;
    this.#next = this.#last + 1;
    return all;
  }
}
