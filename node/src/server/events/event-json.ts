/** An event as subscribers read it: upstream's JSON, with bytes as arrays of numbers. */
import type { ContextEvent, NodeEvent } from "../../model/event.ts";

export function eventJson(event: NodeEvent): string {
  if ("groupId" in event) {
    return JSON.stringify({ groupId: event.groupId, type: event.event.type, data: event.event.data });
  }
  return JSON.stringify({ contextId: event.contextId, type: event.event.type, data: dataOf(event.event) });
}

/** What has no value is left out, as upstream leaves it out. */
function dataOf(event: ContextEvent): object {
  switch (event.type) {
    case "StateMutation": {
      const { newRoot, events } = event;
      return { newRoot, events: events.map(({ kind, data, handler }) => ({ kind, data: [...data], handler })) };
    }
    case "SyncStatus":
      return { syncState: event.syncState };
    case "AppVersionChanged":
      return { fromVersion: event.fromVersion, toVersion: event.toVersion };
    case "XCall":
      return { targetContextId: event.targetContextId, function: event.function, outcome: event.outcome };
    case "Ephemeral": {
      const { author, state, removed, ageMs } = event;
      return { author, state: state === undefined ? undefined : [...state], removed, ageMs };
    }
  }
}
