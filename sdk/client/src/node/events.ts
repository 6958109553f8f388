/** A node's events over SSE: the stream is opened, contexts are subscribed to, and both again where it is cut. */
import { backoffDelay } from "@shoal/shared/base/backoff.ts";
import { isRetryable, ShoalError } from "@shoal/shared/base/errors.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
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

export interface FollowInit {
  readonly fetch: Fetch;
  readonly base: string;
  readonly session: NodeSession;
  readonly contextIds: readonly string[];
  readonly signal: AbortSignal | undefined;
  readonly clock: Clock;
}

/** Failures in a row, with no event in between, after which it gives up. */
const FAILURES = 10;

export async function* followNode(init: FollowInit): AsyncGenerator<NodeStreamEvent> {
  const isEnded = (): boolean => init.signal?.aborted === true;
  for (let failures = 1; !isEnded(); failures++) {
    try {
      for await (const event of once(init)) {
        failures = 0;
        yield event;
      }
    } catch (thrown) {
      if (isEnded()) return;
      if (thrown instanceof ShoalError && !isRetryable(thrown.code)) throw thrown;
      if (failures >= FAILURES) throw thrown;
    }
    await init.clock
      .sleep(backoffDelay(BACKOFF, Math.max(1, failures), systemRandom), init.signal)
      .catch(() => undefined);
  }
}

async function* once(init: FollowInit): AsyncGenerator<NodeStreamEvent> {
  const { fetch, base, session, signal } = init;
  const response = await session.signedIn((token) =>
    request(fetch, base, { method: "GET", target: "/sse", token, signal, accept: "text/event-stream" }),
  );
  if (response.body === null) throw new ShoalError("internal", "the event stream has no body");
  let isSubscribed = false;
  for await (const { data } of readMessages(response.body, () => undefined)) {
    if (!isSubscribed) {
      await subscribe(init, sessionIdOf(response, data));
      isSubscribed = true;
      continue;
    }
    const event = eventOf(data);
    if (event !== undefined) yield event;
  }
}

async function subscribe({ fetch, base, session, signal, contextIds }: FollowInit, id: string): Promise<void> {
  const body = JSON.stringify({ id, method: "subscribe", params: { contextIds } });
  await session.signedIn((token) =>
    request(fetch, base, {
      method: "POST",
      target: "/sse/subscription",
      token,
      signal,
      body,
      contentType: "application/json",
    }),
  );
}

/** The first message tells the session; the header tells it too. */
function sessionIdOf(response: Response, data: string): string {
  const header = response.headers.get("x-sse-session-id");
  if (header !== null) return header;
  const told: unknown = JSON.parse(data);
  if (typeof told === "string") return told;
  const found = Object.values(told as Readonly<Record<string, unknown>>).find((value) => typeof value === "string");
  if (typeof found === "string") return found;
  throw new ShoalError("internal", "the event stream names no session");
}

function eventOf(data: string): NodeStreamEvent | undefined {
  if (data === "") return undefined;
  const value = JSON.parse(data) as { readonly result?: unknown };
  const event = value.result ?? value;
  return typeof event === "object" && event !== null && "type" in event && "data" in event
    ? (event as NodeStreamEvent)
    : undefined;
}
