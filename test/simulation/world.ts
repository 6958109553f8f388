/**
 * Virtual time. Everything that takes time in the simulation is an event of one heap, ordered by (time, when it was asked
 * for); after each event everything that it set in motion runs to its end before the next one. Production code that waits
 * for anything else would stop the world, and does: see `drain`.
 */
import { setImmediate } from "node:timers/promises";
import { Heap } from "./heap.ts";
import type { Trace } from "./trace.ts";

/** Milliseconds since the epoch at which every simulation begins. */
export const EPOCH = 1_800_000_000_000;

/** Events after which something is taken to go round in circles. */
const MAX_EVENTS = 2_000_000;
/** Events between two looks at the real event loop, which reports rejections that nobody handled. */
const BREATH = 1000;

export interface Scheduled {
  cancel(): void;
}

interface Event {
  readonly at: number;
  readonly seq: number;
  readonly label: string;
  run: (() => void) | undefined;
}

export class World {
  readonly trace: Trace;
  #now = 0;
  #seq = 0;
  #events = 0;
  readonly #heap = new Heap<Event>((a, b) => a.at < b.at || (a.at === b.at && a.seq < b.seq));

  constructor(trace: Trace) {
    this.trace = trace;
  }

  /** Milliseconds since the beginning, by no node's clock. */
  get now(): number {
    return this.#now;
  }

  /** Events that have run. */
  get events(): number {
    return this.#events;
  }

  /** Runs `run` after `delayMs`; `label` names it in the trace, with whatever tells it from others. */
  after(delayMs: number, label: string, run: () => void): Scheduled {
    const event: Event = { at: this.#now + Math.max(0, delayMs), seq: this.#seq++, label, run };
    this.#heap.push(event);
    return { cancel: () => void (event.run = undefined) };
  }

  /** Runs what is due until `untilMs`, calling `check` after each event and all that followed from it. */
  async run(untilMs: number, check: () => void): Promise<void> {
    // Whoever called: from here on this is a microtask, and `drain` drains.
    await setImmediate();
    for (let next = this.#heap.peek(); next !== undefined && next.at <= untilMs; next = this.#heap.peek()) {
      this.#heap.pop();
      const { run } = next;
      if (run === undefined) continue;
      this.#now = next.at;
      this.#events += 1;
      if (this.#events > MAX_EVENTS) throw new Error(`no end after ${MAX_EVENTS} events, the last: ${next.label}`);
      this.trace.note(this.#now, next.label);
      run();
      await drain();
      check();
      if (this.#events % BREATH === 0) await setImmediate();
    }
    this.#now = Math.max(this.#now, untilMs);
  }
}

/**
 * Resolves when no promise reaction is left to run: asked for in a microtask, a tick comes only once the queue of microtasks
 * is empty. Two million of them a second, where `setImmediate` makes 0.8 (Node 24).
 */
export function drain(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}
