/** A node's events as pages take them: flat, and with values instead of bytes. */
import type { NodeEvent } from "../model/event.ts";

export interface TabEvent {
  /** Of which context, or else of which group. */
  readonly contextId?: string;
  readonly groupId?: string;
  readonly type: string;
  /** What an app emitted, where its call changed the state. */
  readonly events?: readonly { readonly kind: string; readonly data: unknown }[];
  readonly [field: string]: unknown;
}

export function tabEvent(event: NodeEvent): TabEvent {
  if ("groupId" in event) return { groupId: event.groupId, type: event.event.type, ...event.event.data };
  const { contextId, event: inner } = event;
  switch (inner.type) {
    case "StateMutation": {
      const events = inner.events.map(({ kind, data }) => ({ kind, data: valueOf(data) }));
      return { contextId, type: inner.type, newRoot: inner.newRoot, events };
    }
    case "Ephemeral": {
      const { state, ...rest } = inner;
      return { contextId, ...rest, ...(state === undefined ? {} : { state: valueOf(state) }) };
    }
    case "SyncStatus":
    case "AppVersionChanged":
    case "XCall":
      return { contextId, ...inner };
  }
}

/** Apps write JSON; what is not stays numbers, as upstream's clients get them. */
function valueOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as unknown;
  } catch {
    return [...bytes];
  }
}
