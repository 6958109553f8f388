/** Time as a port: production hands in the system's clock, simulation and tests a virtual one. */
import type { DurationMs, Timestamp } from "../base/time.ts";

export interface Clock {
  /** Wall-clock time. */
  now(): Timestamp;
  /** Milliseconds that never go back, from an arbitrary start: for spans and leases. */
  monotonic(): number;
  /** Resolves after `span`; rejects with the signal's reason when it is aborted first. */
  sleep(span: DurationMs, signal?: AbortSignalLike): Promise<void>;
}

/** What `sleep` needs of an `AbortSignal`; declared here because the pure middle has no ambient types. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}
