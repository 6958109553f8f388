/** The event feed: a page, or server-sent events that resume after `Last-Event-ID` without a gap or a repetition. */
import type { FeedEvent } from "@shoal/shared/wire/endpoints/events.ts";
import type { Query } from "@shoal/shared/wire/endpoints/index.ts";
import type { Database } from "../store/database.ts";
import {
  decodeEventCursor,
  encodeEventCursor,
  eventHead,
  cursorOf,
  FEED_START,
  readEvents,
  type EventCursor,
  type EventFilter,
  type EventRow,
} from "../store/events/read.ts";
import type { Call, Handlers } from "./call.ts";
import type { Feed, Follower } from "./feed/feed.ts";
import type { Streams } from "./feed/streams.ts";
import { ok } from "./reply.ts";

export interface EventsInit {
  readonly database: Pick<Database, "asTenant">;
  readonly feed: Feed;
  readonly streams: Streams;
  readonly heartbeatMs: number;
}

const EVENT_STREAM = "text/event-stream";
/** After a cut: long enough that a restart does not meet all of its followers at once. */
const RETRY_MS = 2000;

export function eventHandlers(init: EventsInit): Pick<Handlers, "events.list"> {
  const { database } = init;
  return {
    "events.list": async (call) => {
      const { caller, query, facts } = call;
      const { id } = caller.organisation;
      const filter = { resource: query.resource, kind: query.kind };
      if (facts.header("accept")?.includes(EVENT_STREAM) === true) return follow(init, call, filter);
      const after = await startOf(init, id, query, undefined);
      const page = await database.asTenant(id, (tx) => readEvents(tx, id, filter, after, query.limit));
      return ok({ items: page.rows.map(shown), next_cursor: encodeEventCursor(page.next) });
    },
  };
}

async function startOf(
  { database }: EventsInit,
  organisationId: string,
  query: Query<"events.list">,
  lastEventId: string | undefined,
): Promise<EventCursor> {
  // A browser that connects again asks the same address: what it has heard since is in the header.
  if (lastEventId !== undefined && lastEventId !== "") return decodeEventCursor(lastEventId, "Last-Event-ID");
  if (query.after === undefined) return FEED_START;
  if (query.after === "now") return database.asTenant(organisationId, eventHead);
  return decodeEventCursor(query.after, "after");
}

async function follow(init: EventsInit, call: Call<"events.list">, filter: EventFilter) {
  const { id } = call.caller.organisation;
  return init.streams.open(call, EVENT_STREAM, async (signal) => {
    const after = await startOf(init, id, call.query, call.facts.header("last-event-id"));
    const follower = await init.feed.follow(id, filter);
    signal.addEventListener("abort", () => follower.close(), { once: true });
    if (signal.aborted) follower.close();
    return messages(follower, after, init.heartbeatMs, signal);
  });
}

/**
 * A page of messages at a time. Each carries its cursor as id; a sign of life carries the cursor that was reached without a
 * message, so that a filtered stream does not start from long ago when it resumes.
 */
async function* messages(
  follower: Follower,
  start: EventCursor,
  heartbeatMs: number,
  signal: AbortSignal,
): AsyncGenerator<string> {
  yield `retry: ${RETRY_MS}\n\n`;
  for (let after = start; !signal.aborted;) {
    const page = await follower.read(after);
    after = page.next;
    if (page.rows.length > 0) yield page.rows.map(message).join("");
    if (page.isFull) continue;
    await follower.wait(after, heartbeatMs, signal);
    if (page.rows.length === 0 && !signal.aborted) yield `: alive\nid: ${encodeEventCursor(after)}\n\n`;
  }
}

function message(row: EventRow): string {
  const event = shown(row);
  return `id: ${event.cursor}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`;
}

function shown(row: EventRow): FeedEvent {
  return {
    cursor: encodeEventCursor(cursorOf(row)),
    at: row.at.toISOString(),
    kind: row.kind,
    resource_kind: row.resource_kind,
    resource_id: row.resource_id,
    generation: row.generation === null ? null : Number(row.generation),
    reason: row.reason,
    message: row.message,
    data: { ...(row.data as object) },
    trace_id: row.trace_id,
  };
}
