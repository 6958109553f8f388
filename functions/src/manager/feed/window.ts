/** The latest events of one organisation: everything between two cursors, a bounded number of them. */
import {
  compareCursors,
  cursorOf,
  matches,
  type EventCursor,
  type EventFilter,
  type EventPage,
  type EventRow,
} from "../../store/events/read.ts";

export class EventWindow {
  followers = 0;
  readonly #events: EventRow[] = [];
  readonly #wakers = new Set<() => void>();
  readonly #readPage: (after: EventCursor) => Promise<EventPage>;
  readonly #most: number;
  #from: EventCursor;
  #to: EventCursor;
  #reading: Promise<void> | undefined;
  #again = false;

  constructor(head: EventCursor, most: number, readPage: (after: EventCursor) => Promise<EventPage>) {
    this.#from = head;
    this.#to = head;
    this.#most = most;
    this.#readPage = readPage;
  }

  /** What came after the cursor; undefined where that is not in the window any more. */
  after(cursor: EventCursor, filter: EventFilter): EventPage | undefined {
    if (compareCursors(cursor, this.#from) < 0) return undefined;
    const rows = this.#events.filter((row) => compareCursors(cursorOf(row), cursor) > 0 && matches(row, filter));
    return { rows, next: this.isBeyond(cursor) ? this.#to : cursor, isFull: false };
  }

  isBeyond(cursor: EventCursor): boolean {
    return compareCursors(this.#to, cursor) > 0;
  }

  /** Calls `waker` when events have come; returns how to stop that. */
  onEvents(waker: () => void): () => void {
    this.#wakers.add(waker);
    return () => this.#wakers.delete(waker);
  }

  /** Reads on to the feed's edge as of now. Calls during a reading share the next one. */
  readonly refresh = (): Promise<void> => {
    this.#again = true;
    this.#reading ??= this.#readOn().finally(() => (this.#reading = undefined));
    return this.#reading;
  };

  async #readOn(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      const page = await this.#readPage(this.#to);
      this.#to = page.next;
      if (page.isFull) this.#again = true;
      if (page.rows.length === 0) continue;
      this.#events.push(...page.rows);
      const dropped = this.#events.splice(0, Math.max(0, this.#events.length - this.#most)).at(-1);
      if (dropped !== undefined) this.#from = cursorOf(dropped);
      for (const wake of this.#wakers) wake();
    }
  }
}
