/**
 * One question to the database, however many ask: those who come while it is under way wait for the same answer, and the
 * answer, be it a failure, is kept for a while. Whoever waits has bounded patience; the question itself ends by the
 * database's own time-outs, and until it has, nobody asks another.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { DurationMs } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";

interface KeptOptions {
  readonly clock: Pick<Clock, "monotonic" | "sleep">;
  /** How long an answer serves. */
  readonly keepFor: DurationMs;
  /** Longest that one caller waits. */
  readonly patience: DurationMs;
}

/** Errors: those of `ask`; `unavailable` where it took longer than `patience`. */
export function kept<T>(ask: () => Promise<T>, { clock, keepFor, patience }: KeptOptions): () => Promise<T> {
  let answer: Promise<T> | undefined;
  /** When the answer was there; undefined while it is under way. */
  let since: number | undefined;
  const current = (): Promise<T> => {
    if (answer !== undefined && (since === undefined || clock.monotonic() - since < keepFor)) return answer;
    since = undefined;
    answer = ask().finally(() => (since = clock.monotonic()));
    // Everybody who waited may have left by the time it fails.
    answer.catch(() => undefined);
    return answer;
  };
  return async () => {
    const end = new AbortController();
    const tooLong = clock.sleep(patience, end.signal).then(() => {
      throw new ShoalError("unavailable", "the database did not answer in time", { retryAfterSeconds: 2 });
    });
    try {
      return await Promise.race([current(), tooLong]);
    } finally {
      tooLong.catch(() => undefined);
      end.abort();
    }
  };
}
