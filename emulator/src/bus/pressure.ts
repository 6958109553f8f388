/**
 * Why publishers have to wait. `disk` and `backlog` may last, so clients are told (`connection.blocked`); `writes` is over
 * in milliseconds and only stops the reading from their sockets.
 */
import { statfs } from "node:fs/promises";
import { messageOf } from "@shoal/shared/base/errors.ts";
import type { Log as Logger } from "@shoal/shared/base/log.ts";
import { milliseconds } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { BusLimits } from "./limits.ts";

export type Cause = "disk" | "backlog" | "writes";

/** Between two looks at the disk: while it is written to, and while publishers wait for it. */
const LOOK = milliseconds(1000);

export class Pressure {
  readonly #causes = new Set<Cause>();
  readonly #listeners = new Set<() => void>();
  readonly #folder: string;
  readonly #limits: BusLimits;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #stopped = new AbortController();
  #lookedAt = -Infinity;

  constructor(folder: string, limits: BusLimits, clock: Clock, log: Logger) {
    this.#folder = folder;
    this.#limits = limits;
    this.#clock = clock;
    this.#log = log;
  }

  get on(): boolean {
    return this.#causes.size > 0;
  }

  has(cause: Cause): boolean {
    return this.#causes.has(cause);
  }

  /** What clients are told; undefined where it is nothing worth telling. */
  get reason(): string | undefined {
    if (this.#causes.has("disk")) return "low on disk";
    return this.#causes.has("backlog") ? "too many messages wait for consumers" : undefined;
  }

  set(cause: Cause, on: boolean): void {
    if (this.#causes.has(cause) === on) return;
    if (on) this.#causes.add(cause);
    else this.#causes.delete(cause);
    if (cause !== "writes") this.#log.warn({ cause, on }, on ? "publishers are blocked" : "publishers go on");
    for (const listener of this.#listeners) listener();
  }

  /** Calls back whenever a cause comes or goes, until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Looks at the disk, unless that was done just now. */
  async check(): Promise<void> {
    if (this.#stopped.signal.aborted || this.#clock.monotonic() - this.#lookedAt < LOOK) return;
    this.#lookedAt = this.#clock.monotonic();
    const low = await this.#isLow();
    this.set("disk", low);
    if (!low) return;
    await this.#clock.sleep(LOOK, this.#stopped.signal).then(
      () => this.check(),
      () => undefined,
    );
  }

  async #isLow(): Promise<boolean> {
    try {
      const { bavail, bsize } = await statfs(this.#folder);
      return bavail * bsize < this.#limits.diskFreeBytes;
    } catch (thrown) {
      this.#log.error({ cause: messageOf(thrown) }, "the bus cannot look at its disk");
      return true;
    }
  }

  stop(): void {
    this.#stopped.abort();
  }
}
