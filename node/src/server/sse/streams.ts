/**
 * All event streams. Each belongs to a session; events that happen while a session has no stream are not kept, which the gap
 * in their numbers shows.
 */
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Topics } from "@shoal/shared/wire/node/streams.ts";
import { isStillGood, type Authorize } from "../authorize.ts";
import type { RequestFacts } from "../call.ts";
import { allowedTopics, exclude, include, listed, topicsOf } from "../events/topics.ts";
import { createStream, type Stream, type StreamParts } from "./stream.ts";
import type { Session, Sessions } from "./sessions.ts";

export interface EventStreams {
  /** Opens a stream for a request: of a new session, or of the one that `Last-Event-ID` names. */
  enter(facts: RequestFacts): Promise<Response>;
  /** A session, and its stream while it has one; throws `not_found` for any but its owner. */
  find(id: string, owner: string | null): readonly [Session, Stream?];
  /** Adds what the caller may be told of. */
  subscribe(facts: RequestFacts, id: string, asked: Topics): Promise<Topics>;
  unsubscribe(facts: RequestFacts, id: string, topics: Topics): Promise<Topics>;
  /** One look at every stream: a sign of life, and an end for whoever's token is no longer good. */
  look(): Promise<void>;
  goodbye(): void;
}

const NONE: Topics = { contextIds: [], groupIds: [] };

export const ownerOf = ({ principal }: Pick<RequestFacts, "principal">): string | null => principal?.keyId ?? null;

export function createEventStreams(
  parts: StreamParts & { readonly sessions: Sessions; readonly authorize: Authorize },
): EventStreams {
  const { sessions, authorize, hub, metrics, limits, log } = parts;
  /** The stream that each session has at present: the newest wins. */
  const open = new Map<string, Stream>();
  let leaving = false;

  const find: EventStreams["find"] = (id, owner) => {
    const stream = open.get(id);
    if (stream !== undefined && stream.session.owner === owner) return [stream.session, stream];
    const session = stream === undefined ? sessions.load(id, owner) : undefined;
    if (session === undefined) throw new ShoalError("not_found", "there is no such session: open a stream first");
    return [session];
  };
  const leave = (stream: Stream): void => {
    const { session } = stream;
    hub.unsubscribe(stream, topicsOf(listed(session)));
    metrics.closed("sse");
    if (open.get(session.id) !== stream) return;
    open.delete(session.id);
    if (session.contexts.size + session.groups.size === 0) return;
    sessions.save(session).catch((err: unknown) => log.warn({ err }, "a session could not be saved"));
  };

  return {
    find,
    enter: async (facts) => {
      const { outgoing, request } = facts;
      if (leaving) throw new ShoalError("unavailable", "the node stops");
      if (open.size >= limits.streams)
        throw new ShoalError("unavailable", `more than ${limits.streams} event streams`, { retryAfterSeconds: 5 });
      const owner = ownerOf(facts);
      const resumed = resume(request.headers.get("last-event-id"), (id) => find(id, owner)[0]);
      const session = resumed ?? sessions.create(owner);
      open.get(session.id)?.end("close", "the session was taken up by another stream");
      // A session's permissions may have shrunk since it subscribed.
      const topics = await allowedTopics(authorize, request, listed(session)).catch(() => NONE);
      exclude(session, listed(session));
      include(session, topics);
      if (outgoing.destroyed) return RESPONSE_ALREADY_SENT;
      const stream = createStream(session, facts, parts);
      open.set(session.id, stream);
      metrics.opened("sse");
      outgoing.on("close", () => leave(stream));
      hub.subscribe(stream, topicsOf(topics));
      stream.greet(resumed !== undefined);
      return RESPONSE_ALREADY_SENT;
    },
    subscribe: async (facts, id, asked) => {
      const [session, stream] = find(id, ownerOf(facts));
      const topics = await allowedTopics(authorize, facts.request, asked);
      include(session, topics);
      if (stream !== undefined && open.get(id) === stream) hub.subscribe(stream, topicsOf(topics));
      await sessions.save(session);
      return topics;
    },
    unsubscribe: async (facts, id, topics) => {
      const [session, stream] = find(id, ownerOf(facts));
      exclude(session, topics);
      if (stream !== undefined) hub.unsubscribe(stream, topicsOf(topics));
      await sessions.save(session);
      return topics;
    },
    look: async () => {
      await Promise.all([...open.values()].map((stream) => judge(stream, authorize)));
    },
    goodbye: () => {
      leaving = true;
      for (const stream of open.values()) stream.end("close", "the node stops");
    },
  };
}

async function judge(stream: Stream, authorize: Authorize): Promise<void> {
  if (await isStillGood(authorize, stream.request)) stream.beat();
  else stream.end("close", "the token is no longer good");
}

/** The session that `{session}-{number}` names; the numbers go on after the last that the client has. */
function resume(lastEventId: string | null, find: (id: string) => Session): Session | undefined {
  const match = /^([0-9]{1,20})-([0-9]{1,15})$/.exec(lastEventId ?? "");
  if (match === null) return undefined;
  const [, id = "", number = "0"] = match;
  try {
    const session = find(id);
    session.counter = Math.max(session.counter, Number(number) + 1);
    return session;
  } catch {
    return undefined;
  }
}
