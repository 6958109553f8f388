/** Those who wait for room in the window, first come first served, each for a bounded time. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { milliseconds, type DurationMs } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";

interface Waiting {
  readonly bytes: number;
  readonly until: number;
  enter(): void;
  refuse(error: ShoalError): void;
}

/** Deadlines are looked at this often, by one timer for all who wait. */
const LOOK_EVERY = milliseconds(100);

export class Gate {
  readonly #clock: Clock;
  readonly #fits: (bytes: number) => boolean;
  readonly #shut = new AbortController();
  #waiting: Waiting[] = [];
  #looking = false;
  #frozen = false;
  #closed: ShoalError | undefined;

  constructor(clock: Clock, fits: (bytes: number) => boolean) {
    this.#clock = clock;
    this.#fits = fits;
  }

  /**
   * Calls `enter` when there is room and everybody before has entered. Rejects with `deadline_exceeded` when that takes
   * longer than `within`, and with what the gate was closed for.
   */
  pass<T>(bytes: number, within: DurationMs, enter: () => T): Promise<T> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    const free = !this.#frozen && this.#waiting.length === 0 && this.#fits(bytes);
    return new Promise((resolve, reject) => {
      const entering = (): void => resolve(enter());
      if (free) return entering();
      this.#waiting.push({ bytes, until: this.#clock.monotonic() + within, enter: entering, refuse: reject });
      if (!this.#looking) void this.#look();
    });
  }

  /** There may be room again. */
  admit(): void {
    if (this.#waiting.length === 0 || this.#frozen) return;
    let entered = 0;
    for (const next of this.#waiting) {
      if (!this.#fits(next.bytes)) break;
      next.enter();
      entered++;
    }
    if (entered > 0) this.#waiting.splice(0, entered);
  }

  freeze(): void {
    this.#frozen = true;
  }

  thaw(): void {
    this.#frozen = false;
    this.admit();
  }

  close(because: ShoalError): void {
    this.#closed ??= because;
    this.#shut.abort();
    for (const one of this.#waiting.splice(0)) one.refuse(because);
  }

  async #look(): Promise<void> {
    this.#looking = true;
    while (this.#waiting.length > 0) {
      await this.#clock.sleep(LOOK_EVERY, this.#shut.signal).catch(() => undefined);
      const now = this.#clock.monotonic();
      const late = this.#waiting.filter(({ until }) => until <= now);
      if (late.length === 0) continue;
      this.#waiting = this.#waiting.filter(({ until }) => until > now);
      const error = new ShoalError("deadline_exceeded", "too many events are unconfirmed: the bus does not keep up");
      for (const one of late) one.refuse(error);
    }
    this.#looking = false;
  }
}
