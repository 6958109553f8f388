/** The library's errors as ours. */
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import type { DurationMs } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";

/** Names of errors that say that the caller's address or id is at fault, not the peer. */
const CALLERS = new Set([
  "InvalidMultiaddrError",
  "InvalidParametersError",
  "InvalidPeerIdError",
  "InvalidMultihashError",
  "InvalidCIDError",
]);

/** `deadline_exceeded` where it was, `invalid_argument` where the target is none, else `unavailable`. */
export function failureOf(thrown: unknown, what: string, limit?: Deadline): ShoalError {
  if (thrown instanceof ShoalError) return thrown;
  if (limit?.hasPassed === true)
    return new ShoalError("deadline_exceeded", `${what}: no answer in time`, { cause: thrown });
  const isCallers = thrown instanceof Error && CALLERS.has(thrown.name);
  return new ShoalError(isCallers ? "invalid_argument" : "unavailable", `${what}: ${messageOf(thrown)}`, {
    cause: thrown,
    ...(isCallers ? { field: "peer" } : {}),
  });
}

export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
  readonly hasPassed: boolean;
}

/** A signal that is given after `within` by the clock; dispose of it when the work is done. */
export function deadline(clock: Clock, within: DurationMs): Deadline {
  const controller = new AbortController();
  const done = new AbortController();
  let hasPassed = false;
  clock.sleep(within, done.signal).then(
    () => {
      hasPassed = true;
      controller.abort(new ShoalError("deadline_exceeded", `not within ${within} ms`));
    },
    () => undefined,
  );
  return {
    signal: controller.signal,
    get hasPassed() {
      return hasPassed;
    },
    [Symbol.dispose]: () => done.abort(),
  };
}
