/** The context manager's envelope: one message per thing that can be asked of it, each with what it is answered with. */
import type { Message } from "../actors/actor.ts";
import type {
  CreateContextInput,
  CreateContextResult,
  ExecuteInput,
  ExecuteResult,
  SyncStatus,
  UpdateApplicationInput,
} from "../clients/context-client.ts";
import type { Context, ContextIdentity } from "../model/context.ts";
import type { ApplicationId, ContextId, GroupId } from "../model/ids.ts";

export type Execute = Message<{ readonly type: "Execute"; readonly input: ExecuteInput }, ExecuteResult>;
export type CreateContext = Message<
  { readonly type: "CreateContext"; readonly input: CreateContextInput },
  CreateContextResult
>;
export type DeleteContext = Message<{ readonly type: "DeleteContext"; readonly id: ContextId }, boolean>;
export type ListContexts = Message<{ readonly type: "ListContexts" }, readonly Context[]>;
export type GetContext = Message<{ readonly type: "GetContext"; readonly id: ContextId }, Context | undefined>;
export type UpdateApplication = Message<
  { readonly type: "UpdateApplication"; readonly input: UpdateApplicationInput },
  undefined
>;
export type ListIdentities = Message<
  { readonly type: "ListIdentities"; readonly id: ContextId },
  readonly ContextIdentity[]
>;
export type MeasureStorage = Message<{ readonly type: "MeasureStorage"; readonly id: ContextId }, number>;
export type Sync = Message<{ readonly type: "Sync"; readonly id: ContextId | undefined }, undefined>;
export type GetSyncStatus = Message<{ readonly type: "GetSyncStatus"; readonly id: ContextId }, SyncStatus>;
export type SetEphemeral = Message<
  { readonly type: "SetEphemeral"; readonly id: ContextId; readonly state: Uint8Array },
  undefined
>;

export interface JoinContextInput {
  readonly contextId: ContextId;
  /** Need not be on this node yet. */
  readonly applicationId: ApplicationId;
  readonly version: string;
  readonly service: string;
  readonly groupId: GroupId;
}
/** Whether it is new here; it then waits for its first state. */
export type JoinContext = Message<{ readonly type: "JoinContext"; readonly input: JoinContextInput }, boolean>;

export interface CollectInput {
  readonly id: ContextId;
  /** Key within the state to go on from; the beginning without one. */
  readonly from?: Uint8Array;
  /** Rows to look at. */
  readonly limit: number;
  /** Tombstones older than this go; nanoseconds since the epoch. */
  readonly beforeNs: bigint;
  readonly dryRun: boolean;
}
export interface Collected {
  readonly rows: number;
  readonly bytes: number;
  /** Where the next step goes on; absent at the end. */
  readonly next?: Uint8Array;
}
/** One bounded step over a context's tombstones. */
export type CollectTombstones = Message<
  { readonly type: "CollectTombstones"; readonly input: CollectInput },
  Collected
>;
/** One bounded step over what a context that is gone left behind; `next` while more may be left. */
export type CollectOrphan = Message<
  { readonly type: "CollectOrphan"; readonly input: Pick<CollectInput, "id" | "limit" | "dryRun"> },
  Collected
>;

export type ContextMessage =
  | CollectTombstones
  | CollectOrphan
  | Execute
  | CreateContext
  | JoinContext
  | DeleteContext
  | ListContexts
  | GetContext
  | UpdateApplication
  | ListIdentities
  | MeasureStorage
  | Sync
  | GetSyncStatus
  | SetEphemeral;
