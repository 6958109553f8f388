/** Handlers of `shared/src/wire/node/streams.ts`. */
import type { streamEndpoints } from "@shoal/shared/wire/node/streams.ts";
import type { HandlersOf } from "../call.ts";
import { ownerOf, type EventStreams } from "./streams.ts";

export function streamHandlers(streams: EventStreams): HandlersOf<typeof streamEndpoints> {
  return {
    "sse.open": (call) => streams.enter(call),
    "sse.subscription": async (call) => {
      const { id, method, params } = call.body;
      const subscribes = method === "subscribe";
      const { contextIds, groupIds } = await (subscribes
        ? streams.subscribe(call, id, params)
        : streams.unsubscribe(call, id, params));
      const status = subscribes ? "subscribed" : "unsubscribed";
      return { result: { status, contexts: contextIds, groups: groupIds } };
    },
    "sse.session": async (call) => {
      const [session, stream] = streams.find(call.params.id, ownerOf(call));
      return {
        result: {
          session_id: session.id,
          subscriptions: [...session.contexts],
          group_subscriptions: [...session.groups],
          event_counter: session.counter,
          status: stream === undefined ? "persisted" : "active",
        },
      };
    },
  };
}
