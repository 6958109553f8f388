/**
 * Answers that go on: bounded in number for each organisation, in time, and by the credential they were asked with, which
 * is looked at again with each sign of life. What the reader does not take is not made: there is nothing to fill up.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { milliseconds } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Caller, RequestFacts, Streamed } from "../call.ts";
import type { ManagerLimits } from "../limits.ts";

export interface StreamCall {
  readonly caller: Caller;
  readonly facts: RequestFacts;
  /** Throws `unauthenticated` or `permission_denied` once the credential no longer reaches here. */
  readonly recheck: () => Promise<void>;
}

export interface Streams {
  /** Takes a place among the organisation's streams, or throws `rate_limited`; the generator of `make` ends with the signal. */
  readonly open: (
    call: StreamCall,
    contentType: string,
    make: (signal: AbortSignal) => Promise<AsyncGenerator<string>>,
  ) => Promise<Streamed>;
  /** Ends every stream. */
  readonly close: () => void;
}

export function createStreams(init: {
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: ManagerLimits;
}): Streams {
  const { clock, limits } = init;
  const open = new Map<string, number>();
  const endings = new Set<AbortController>();

  /** Ends the stream at its time, or when its credential is refused; an outage refuses nothing. */
  const guard = async (call: StreamCall, ending: AbortController): Promise<void> => {
    const until = clock.monotonic() + limits.streamMaxMs;
    while (!ending.signal.aborted) {
      const left = until - clock.monotonic();
      if (left <= 0) return ending.abort();
      await clock.sleep(milliseconds(Math.min(left, limits.heartbeatMs)), ending.signal);
      await call.recheck().catch((thrown: unknown) => {
        if (thrown instanceof ShoalError && thrown.code !== "unavailable") ending.abort();
      });
    }
  };

  return {
    open: async (call, contentType, make) => {
      const { id } = call.caller.organisation;
      const count = open.get(id) ?? 0;
      if (count >= limits.streamsPerOrganisation)
        throw new ShoalError("rate_limited", `at most ${limits.streamsPerOrganisation} streams may be open at once`, {
          retryAfterSeconds: 5,
        });
      open.set(id, count + 1);
      const ending = new AbortController();
      endings.add(ending);
      const abort = (): void => ending.abort();
      call.facts.signal.addEventListener("abort", abort, { once: true });
      ending.signal.addEventListener("abort", () => {
        call.facts.signal.removeEventListener("abort", abort);
        endings.delete(ending);
        const left = (open.get(id) ?? 1) - 1;
        if (left > 0) open.set(id, left);
        else open.delete(id);
      });
      try {
        if (call.facts.signal.aborted) throw new ShoalError("cancelled", "the client went away");
        const parts = await make(ending.signal);
        guard(call, ending).catch(() => undefined);
        return { stream: streamOf(parts, ending, init.log), contentType };
      } catch (thrown) {
        ending.abort();
        throw thrown;
      }
    },
    close: () => {
      for (const ending of endings) ending.abort();
    },
  };
}

function streamOf(parts: AsyncGenerator<string>, ending: AbortController, log: Log): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        try {
          const { done, value } = await parts.next();
          if (done !== true) return controller.enqueue(encoder.encode(value));
          controller.close();
        } catch (thrown) {
          log.warn({ err: thrown }, "a stream was cut");
          controller.error(thrown);
        }
        ending.abort();
      },
      cancel: async () => {
        ending.abort();
        await parts.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}
