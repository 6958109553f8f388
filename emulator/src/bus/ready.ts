/**
 * Messages of a queue that wait for a consumer, in the order of their publication. New ones come at the end; those that
 * come back go where they were, which is near the front.
 */
import { createHeap } from "../cloud-tasks/heap.ts";
import type { Entry } from "./entry.ts";

export class Ready {
  #fresh: Entry[] = [];
  /** Entries before this one are gone; the array is cut now and then. */
  #head = 0;
  readonly #returned = createHeap<Entry>();
  /** Bytes of bodies. */
  bytes = 0;

  get size(): number {
    return this.#fresh.length - this.#head + this.#returned.size;
  }

  push(entry: Entry): void {
    this.#fresh.push(entry);
    this.bytes += entry.message.bodyBytes;
  }

  putBack(entry: Entry): void {
    this.#returned.push(entry);
    this.bytes += entry.message.bodyBytes;
  }

  peek(): Entry | undefined {
    const [fresh, returned] = [this.#fresh[this.#head], this.#returned.peek()];
    if (fresh === undefined || returned === undefined) return fresh ?? returned;
    return returned.at < fresh.at ? returned : fresh;
  }

  shift(): Entry | undefined {
    const entry = this.peek();
    if (entry === undefined) return undefined;
    this.bytes -= entry.message.bodyBytes;
    if (entry === this.#returned.peek()) return this.#returned.pop();
    this.#head += 1;
    if (this.#head > 1024 && this.#head * 2 > this.#fresh.length) {
      this.#fresh = this.#fresh.slice(this.#head);
      this.#head = 0;
    }
    return entry;
  }
}
