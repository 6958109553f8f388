/**
 * A node's events over SSE as one endless iteration. A stream that is cut, or silent for longer than a node ever is, is opened
 * again in the same session and subscribed again, since the session may be gone. A node keeps no events for who is away:
 * `onCut` tells that some may be missing.
 */
import { backoffDelay } from "@shoal/shared/base/backoff.ts";
import { isRetryable, ShoalError } from "@shoal/shared/base/errors.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import { STREAM_LIMITS, watchSilence } from "../events.ts";
import { BACKOFF } from "../send.ts";
import { readMessages } from "../sse.ts";
import type { Fetch } from "../types.ts";
import type { NodeSession } from "./session.ts";
import { request } from "./wire.ts";

/** As it stands in the stream: `{contextId, type, data}` or `{groupId, type, data}`. */
export interface NodeStreamEvent {
  readonly contextId?: string;
  readonly groupId?: string;
  readonly type: string;
  readonly data: unknown;
}

export interface FollowOptions {
  readonly contextIds?: readonly string[];
  readonly groupIds?: readonly string[];
  readonly signal?: AbortSignal;
  /** Called when the stream is open and everything is subscribed to, each time. */
  readonly onOpen?: () => void;
  /** Called when an open stream was lost: events until the next `onOpen` are missed. */
  readonly onCut?: () => void;
}

interface FollowInit extends FollowOptions {
  readonly fetch: Fetch;
  readonly base: string;
  readonly session: NodeSession;
  readonly clock: Clock;
}

/** Where the next stream goes on. */
interface Progress {
  lastEventId: string | undefined;
  isOpen: boolean;
}

/** Ends with the signal. Throws what the node refuses for good, or the last of ten failures to open the stream. */
export async function* followNode(init: FollowInit): AsyncGenerator<NodeStreamEvent> {
  const isEnded = (): boolean => init.signal?.aborted === true;
  const progress: Progress = { lastEventId: undefined, isOpen: false };
  for (let failures = 1; !isEnded(); failures++) {
    progress.isOpen = false;
    try {
      yield* oneStream(init, progress);
    } catch (thrown) {
      if (isEnded()) return;
      const isFinal = thrown instanceof ShoalError && thrown.code !== "cancelled" && !isRetryable(thrown.code);
      if (isFinal || (!progress.isOpen && failures >= STREAM_LIMITS.failures)) throw thrown;
    }
    if (isEnded()) return;
    if (progress.isOpen) {
      failures = 1;
      init.onCut?.();
    }
    await init.clock.sleep(backoffDelay(BACKOFF, failures, systemRandom), init.signal).catch(() => undefined);
  }
}

async function* oneStream(init: FollowInit, progress: Progress): AsyncGenerator<NodeStreamEvent> {
  const { fetch, base, session } = init;
  const connection = new AbortController();
  const signal = AbortSignal.any([connection.signal, ...(init.signal === undefined ? [] : [init.signal])]);
  try {
    const { lastEventId } = progress;
    const asked = { method: "GET", target: "/sse", accept: "text/event-stream", lastEventId, signal };
    const response = await session.signedIn((token) => request(fetch, base, { ...asked, token }));
    const id = response.headers.get("x-sse-session-id");
    if (response.body === null || id === null) throw new ShoalError("internal", "the answer is no event stream");
    const heard = watchSilence(init, connection);
    await subscribe(init, id, signal);
    progress.isOpen = true;
    init.onOpen?.();
    for await (const message of readMessages(response.body, heard)) {
      const event = message.data === "" ? undefined : eventOf(message.data);
      if (event !== undefined) yield event;
      progress.lastEventId = message.id ?? progress.lastEventId;
    }
  } finally {
    connection.abort();
  }
}

async function subscribe(init: FollowInit, id: string, signal: AbortSignal): Promise<void> {
  const { fetch, base, session, contextIds = [], groupIds = [] } = init;
  const body = JSON.stringify({ id, method: "subscribe", params: { contextIds, groupIds } });
  const asked = { method: "POST", target: "/sse/subscription", body, contentType: "application/json", signal };
  await session.signedIn((token) => request(fetch, base, { ...asked, token }));
}

/** undefined for what is no event: a greeting, or why the stream ends. */
function eventOf(data: string): NodeStreamEvent | undefined {
  let value: { readonly result?: unknown };
  try {
    value = JSON.parse(data) as typeof value;
  } catch (cause) {
    throw new ShoalError("unavailable", "an event is not JSON", { cause });
  }
  const event = value.result ?? value;
  return typeof event === "object" && event !== null && "type" in event && "data" in event
    ? (event as NodeStreamEvent)
    : undefined;
}
