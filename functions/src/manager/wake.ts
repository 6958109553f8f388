/**
 * Wake-ups of the dispatcher, coalesced: while one is being enqueued, all that come share the next. A failure is logged and
 * forgotten, since the knock is in the database and the sweep finds it.
 */
import { messageOf } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { milliseconds } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";

/** Resolves once a wake-up that began after the call was enqueued, or after `atMostMs`. Never rejects. */
export type Waker = () => Promise<void>;

export function createWaker(init: {
  readonly wakeDispatch: () => Promise<void>;
  readonly log: Log;
  readonly clock: Pick<Clock, "sleep">;
  readonly atMostMs: number;
}): Waker {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  const send = async (): Promise<void> => {
    try {
      await init.wakeDispatch();
    } catch (thrown) {
      init.log.warn({ err: thrown }, `the dispatcher was not woken, the sweep will find it: ${messageOf(thrown)}`);
    }
  };
  const start = (): Promise<void> => {
    running = send().finally(() => (running = undefined));
    return running;
  };
  const share = (after: Promise<void>): Promise<void> => {
    next ??= after.then(() => {
      next = undefined;
      return start();
    });
    return next;
  };

  return async () => {
    const sent = running === undefined ? start() : share(running);
    const abort = new AbortController();
    const given = init.clock.sleep(milliseconds(init.atMostMs), abort.signal).catch(() => undefined);
    await Promise.race([sent, given]);
    abort.abort();
  };
}
