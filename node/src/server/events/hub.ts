/**
 * Who is told of what. One listener on the bus for all clients: an event is written as JSON once, however many read it, and
 * not at all where nobody does.
 */
import type { EventBus, NodeEvent } from "../../model/event.ts";
import type { ContextId, GroupId } from "../../model/ids.ts";
import { eventJson } from "./event-json.ts";

/** Ids of contexts and of groups differ in shape, so that both are keys of one table. */
export type Topic = ContextId | GroupId;

/** One event for all of its readers, in the frames of each kind of stream. */
export interface Delivery {
  /** `{"result": event}`. */
  readonly sse: string;
  /** `{"id": null, "result": event}` in UTF-8. */
  readonly socket: Buffer;
}

export interface Subscriber {
  /** Must neither throw nor wait. */
  deliver(delivery: Delivery): void;
}

export interface Hub {
  subscribe(subscriber: Subscriber, topics: readonly Topic[]): void;
  unsubscribe(subscriber: Subscriber, topics: readonly Topic[]): void;
  close(): void;
}

export function createHub(events: EventBus): Hub {
  const readers = new Map<Topic, Set<Subscriber>>();
  const stop = events.subscribe((event) => {
    const subscribers = readers.get(topicOf(event));
    if (subscribers === undefined) return;
    const delivery = deliveryOf(event);
    for (const subscriber of subscribers) subscriber.deliver(delivery);
  });
  return {
    subscribe: (subscriber, topics) => {
      for (const topic of topics) {
        const subscribers = readers.get(topic);
        if (subscribers === undefined) readers.set(topic, new Set([subscriber]));
        else subscribers.add(subscriber);
      }
    },
    unsubscribe: (subscriber, topics) => {
      for (const topic of topics) {
        const subscribers = readers.get(topic);
        subscribers?.delete(subscriber);
        if (subscribers?.size === 0) readers.delete(topic);
      }
    },
    close: stop,
  };
}

const topicOf = (event: NodeEvent): Topic => ("groupId" in event ? event.groupId : event.contextId);

function deliveryOf(event: NodeEvent): Delivery {
  const json = eventJson(event);
  let socket: Buffer | undefined;
  return {
    sse: `{"result":${json}}`,
    get socket() {
      return (socket ??= Buffer.from(`{"id":null,"result":${json}}`));
    },
  };
}
