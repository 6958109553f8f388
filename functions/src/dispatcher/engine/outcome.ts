/**
 * How a look at something ended. Four words, and one file that knows what each means for the row of due work. Cloud Tasks
 * hears none of them: a task there only wakes a worker, so the function answers 2xx once everything it claimed is recorded
 * (`runUntilIdle` resolves), and asks to be called again only where the database could not be reached (it rejects).
 */
import { backoffDelay, type Backoff } from "@shoal/shared/base/backoff.ts";
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import { milliseconds, minutes, type DurationMs } from "@shoal/shared/base/time.ts";
import { ENDING, type Completion } from "../../store/tasks/complete.ts";

export type Outcome =
  /** Nothing more to do until somebody knocks. */
  | { readonly kind: "done" }
  /** All is well; look again after a while. */
  | { readonly kind: "requeue"; readonly after: DurationMs }
  /** It did not work this time; look again with growing delays, or when the cause said to (`retryAfterSeconds`). */
  | { readonly kind: "retry"; readonly cause: unknown }
  /** It will never work; the effects say so to whoever asked. */
  | { readonly kind: "failed"; readonly code: string };

export const RETRY_BACKOFF: Backoff = { base: milliseconds(250), factor: 2, cap: minutes(2) };

const ERROR_MAX_LENGTH = 500;

export type RowEnding = Pick<Completion, "ending" | "delayMs" | "error">;

const DONE: RowEnding = { ending: ENDING.done, delayMs: 0, error: null };

/** What the row becomes. `attempts` are the failed tries before this one. */
export function rowEnding(outcome: Outcome, attempts: number, random: Random): RowEnding {
  switch (outcome.kind) {
    case "done":
    case "failed":
      return DONE;
    case "requeue":
      return { ending: ENDING.again, delayMs: Math.max(0, Math.round(outcome.after)), error: null };
    case "retry": {
      const asked = outcome.cause instanceof ShoalError ? (outcome.cause.retryAfterSeconds ?? 0) * 1000 : 0;
      const delayMs = Math.max(asked, backoffDelay(RETRY_BACKOFF, attempts + 1, random));
      const error = messageOf(outcome.cause).slice(0, ERROR_MAX_LENGTH);
      return { ending: ENDING.failedAttempt, delayMs, error };
    }
  }
}

/** The row of a task that was interrupted through no fault of its own: due again at once, as if it had not been leased. */
export const RELEASED: RowEnding = { ending: ENDING.released, delayMs: 0, error: null };

/** The word under which an ending is counted. */
export type Ended = "done" | "requeued" | "retried" | "failed" | "released";

export const ENDED: Record<Outcome["kind"], Ended> = {
  done: "done",
  requeue: "requeued",
  retry: "retried",
  failed: "failed",
};
