/** Waits for an operation by long requests, each shorter than any proxy's patience. */
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import { minutes, type DurationMs } from "@shoal/shared/base/time.ts";
import { isDone } from "@shoal/shared/model/operation.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Operation } from "@shoal/shared/wire/endpoints/operations.ts";

/** A wait of one request, in seconds. */
const STEP = 25;
/** A server that answers at once, unfinished, is not asked again at once. */
const SHORTEST_STEP = 250 as DurationMs;

export interface WaitOptions {
  /** Default: 10 minutes. */
  readonly timeout?: DurationMs;
  readonly signal?: AbortSignal;
  /** Called with each state that is seen. */
  readonly onProgress?: (operation: Operation) => void;
}

/**
 * The operation once it has ended, well or not: the caller looks at `state` and `error`. Throws `deadline_exceeded` when the
 * time is up, which says nothing of the operation: it goes on.
 */
export async function waitForOperation(
  get: (id: string, waitSeconds: number) => Promise<Operation>,
  clock: Clock,
  id: string,
  options: WaitOptions = {},
): Promise<Operation> {
  const timeout = options.timeout ?? minutes(10);
  const startedAt = clock.monotonic();
  for (;;) {
    const askedAt = clock.monotonic();
    const left = timeout - (askedAt - startedAt);
    const operation = await get(id, Math.max(0, Math.min(STEP, Math.ceil(left / 1000))));
    options.onProgress?.(operation);
    if (isDone(operation.state)) return operation;
    const now = clock.monotonic();
    if (now - startedAt >= timeout)
      throw new ShoalError("deadline_exceeded", `${operation.id} is still ${operation.state}; it goes on by itself`);
    if (now - askedAt < SHORTEST_STEP)
      await clock.sleep(SHORTEST_STEP, options.signal).catch((thrown: unknown) => {
        throw new ShoalError("cancelled", messageOf(thrown), { cause: thrown });
      });
  }
}
