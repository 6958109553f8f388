/**
 * The event feed as one endless iteration. A cut connection is opened again with `Last-Event-ID`, and a silent one counts as
 * cut: the server sends a comment at least every 15 s.
 */
import { backoffDelay } from "@shoal/shared/base/backoff.ts";
import { isRetryable, messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import { seconds } from "@shoal/shared/base/time.ts";
import { eventSchema, type FeedEvent } from "@shoal/shared/wire/endpoints/events.ts";
import { BACKOFF, type Wire } from "./send.ts";
import { readMessages } from "./sse.ts";

export const STREAM_LIMITS = { silence: seconds(60), failures: 10 } as const;

export interface StreamInit {
  readonly wire: Wire;
  /** Opens the stream after this cursor; tries again by itself as every call does. */
  readonly open: (after: string | undefined, signal: AbortSignal) => Promise<Response>;
  readonly after: string | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Ends with the signal. Throws what the server refuses for good, or what failed ten times with no event in between. */
export async function* followEvents(init: StreamInit): AsyncGenerator<FeedEvent> {
  const { clock, random } = init.wire;
  const isEnded = (): boolean => init.signal?.aborted === true;
  let after = init.after;
  for (let failures = 1; ; failures++) {
    const connection = new AbortController();
    const signal = AbortSignal.any([connection.signal, ...(init.signal === undefined ? [] : [init.signal])]);
    try {
      const response = await init.open(after, signal);
      if (response.body === null) throw new ShoalError("internal", "the event stream has no body");
      const heard = watchSilence(init.wire, connection);
      for await (const message of readMessages(response.body, heard)) {
        failures = 0;
        const event = message.data === "" ? undefined : parse(message.data);
        if (event !== undefined) yield event;
        after = message.id ?? event?.cursor ?? after;
      }
    } catch (thrown) {
      if (isEnded()) return;
      if (thrown instanceof ShoalError && thrown.code !== "cancelled" && !isRetryable(thrown.code)) throw thrown;
      if (failures >= STREAM_LIMITS.failures)
        throw new ShoalError("unavailable", `the event stream was cut: ${messageOf(thrown)}`, { cause: thrown });
    } finally {
      connection.abort();
    }
    if (isEnded()) return;
    await clock.sleep(backoffDelay(BACKOFF, Math.max(1, failures), random), init.signal).catch(() => undefined);
    if (isEnded()) return;
  }
}

/** Ends the connection once nothing was heard for the limit; returns what to call for each sign of life. */
export function watchSilence(wire: Pick<Wire, "clock">, connection: AbortController): () => void {
  let heardAt = wire.clock.monotonic();
  const watch = async (): Promise<void> => {
    while (!connection.signal.aborted) {
      await wire.clock.sleep(STREAM_LIMITS.silence, connection.signal);
      if (wire.clock.monotonic() - heardAt >= STREAM_LIMITS.silence) connection.abort();
    }
  };
  watch().catch(() => undefined);
  return () => {
    heardAt = wire.clock.monotonic();
  };
}

/** An event that this client does not understand is an error: leaving it out would be a gap that nobody sees. */
function parse(data: string): FeedEvent {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch (thrown) {
    throw new ShoalError("unavailable", "an event is not JSON", { cause: thrown });
  }
  const event = eventSchema.loose().safeParse(value);
  if (event.success) return event.data;
  throw new ShoalError("invalid_argument", "an event is not as declared: is this client older than the server?", {
    cause: event.error,
  });
}
