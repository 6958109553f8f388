/** The node's events, fanned out to whoever listens: sockets, streams, tests. */
import type { Log } from "@shoal/shared/base/log.ts";
import type { EventBus, NodeEvent } from "./model/event.ts";

/** A listener that throws is a fault of ours: it is logged, and the others still hear the event. */
export function createEventBus(log: Log): EventBus {
  const listeners = new Set<(event: NodeEvent) => void>();
  return {
    publish(event) {
      for (const listener of listeners) {
        try {
          listener(event);
        } catch (thrown) {
          log.error({ err: thrown }, "a listener of events failed");
        }
      }
    },
    subscribe(listener) {
      // Each subscription is its own, even of one and the same function.
      const own = (event: NodeEvent): void => listener(event);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
  };
}
