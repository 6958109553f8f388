/** What subscribers (WebSocket, SSE) hear. Field names are upstream's JSON. */
import type { ContextId, GroupId } from "./ids.ts";

export interface AppEvent {
  readonly kind: string;
  /** JSON carries it as an array of numbers. */
  readonly data: Uint8Array;
  readonly handler?: string;
}

export type ContextEvent =
  | { readonly type: "StateMutation"; readonly newRoot: string; readonly events: readonly AppEvent[] }
  | { readonly type: "SyncStatus"; readonly syncState: string }
  | { readonly type: "AppVersionChanged"; readonly fromVersion?: string; readonly toVersion?: string }
  | { readonly type: "XCall"; readonly targetContextId: string; readonly function: string; readonly outcome: string }
  | {
      readonly type: "Ephemeral";
      readonly author: string;
      readonly state?: Uint8Array;
      readonly removed: boolean;
      readonly ageMs?: number;
    };

export type GroupEventType =
  | "MemberJoined"
  | "MemberAdded"
  | "MemberRemoved"
  | "MigrationStarted"
  | "MigrationProgress"
  | "CascadeProgress"
  | "MigrationCompleted";

export type NodeEvent =
  | { readonly contextId: ContextId; readonly event: ContextEvent }
  | {
      readonly groupId: GroupId;
      readonly event: { readonly type: GroupEventType; readonly data: Readonly<Record<string, unknown>> };
    };

/** Fan-out of events to listeners; a listener that lags is told so and never slows the others. */
export interface EventBus {
  publish(event: NodeEvent): void;
  /** Returns how to stop. `listener` must not throw and must not wait. */
  subscribe(listener: (event: NodeEvent) => void): () => void;
}
