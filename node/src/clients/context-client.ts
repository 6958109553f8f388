/**
 * What server and node ask of the context manager. Every method is one message to the actor; nobody outside of `context/`
 * sees the envelope.
 */
import type { Recipient } from "../actors/actor.ts";
import type { Collected, CollectInput, ContextMessage, JoinContextInput } from "../context/messages.ts";
import type { Context, ContextIdentity } from "../model/context.ts";
import type { ApplicationId, ContextId, GroupId, PublicKey } from "../model/ids.ts";

export interface ExecuteInput {
  readonly contextId: ContextId;
  readonly method: string;
  /** UTF-8 JSON object of named arguments. */
  readonly args: Uint8Array;
  /** G1/G2 callers name the identity; without it the first one owned by this node acts. */
  readonly executor?: PublicKey;
  /** `{alias}` strings within the arguments that stand for identities (G1/G2). */
  readonly substitute?: readonly string[];
}

export interface ExecuteResult {
  /** The guest's JSON, or undefined where it returned nothing. */
  readonly output: Uint8Array | undefined;
  readonly logs: readonly string[];
  readonly gasUsed: bigint;
}

export interface CreateContextInput {
  readonly applicationId: ApplicationId;
  /** 32 bytes; the same seed gives the same context id. */
  readonly seed?: Uint8Array;
  readonly initializationParams: Uint8Array;
  readonly groupId?: GroupId;
  readonly identitySecret?: Uint8Array;
  readonly alias?: string;
  readonly service?: string;
  readonly name?: string;
}

export interface CreateContextResult {
  readonly contextId: ContextId;
  readonly memberPublicKey: PublicKey;
  readonly groupId: GroupId;
  readonly groupCreated: boolean;
}

export interface UpdateApplicationInput {
  readonly contextId: ContextId;
  readonly applicationId: ApplicationId;
  /** Absent: the newest. */
  readonly version?: string;
  readonly executor?: PublicKey;
  /** Runs once on the new module with the old root; on failure the old application stays. */
  readonly migrateMethod?: string;
}

export interface SyncStatus {
  readonly contextId: ContextId;
  readonly isInitialized: boolean;
  readonly syncState: string;
  readonly failureCount: number;
  readonly lastError?: string;
}

export interface ContextClient {
  /** Rejects with an `ExecuteFailure` (see `context/execute-failure.ts`) in upstream's words. */
  execute(input: ExecuteInput): Promise<ExecuteResult>;
  createContext(input: CreateContextInput): Promise<CreateContextResult>;
  /** A context of others, which then waits for its first state; false where it is here already. */
  joinContext(input: JoinContextInput): Promise<boolean>;
  deleteContext(id: ContextId): Promise<boolean>;
  listContexts(): Promise<readonly Context[]>;
  /** undefined where this node does not have it. */
  getContext(id: ContextId): Promise<Context | undefined>;
  updateApplication(input: UpdateApplicationInput): Promise<void>;
  identities(id: ContextId): Promise<readonly ContextIdentity[]>;
  /** Bytes of keys and values of the context's state. */
  storageBytes(id: ContextId): Promise<number>;
  /** Asks peers for what is missing; with none of them it is level already. */
  sync(id?: ContextId): Promise<void>;
  syncStatus(id: ContextId): Promise<SyncStatus>;
  /** Presence: at most 16 KiB, told to subscribers and never stored. */
  setEphemeral(id: ContextId, state: Uint8Array): Promise<void>;
  /** One bounded step of the collector over a context's tombstones. */
  collectTombstones(input: CollectInput): Promise<Collected>;
  /** One bounded step over what a context that is gone left behind. */
  collectOrphan(input: Pick<CollectInput, "id" | "limit" | "dryRun">): Promise<Collected>;
}

export function contextClient(manager: Recipient<ContextMessage>): ContextClient {
  return {
    execute: (input) => manager.send({ type: "Execute", input }),
    createContext: (input) => manager.send({ type: "CreateContext", input }),
    joinContext: (input) => manager.send({ type: "JoinContext", input }),
    deleteContext: (id) => manager.send({ type: "DeleteContext", id }),
    listContexts: () => manager.send({ type: "ListContexts" }),
    getContext: (id) => manager.send({ type: "GetContext", id }),
    updateApplication: (input) => manager.send({ type: "UpdateApplication", input }),
    identities: (id) => manager.send({ type: "ListIdentities", id }),
    storageBytes: (id) => manager.send({ type: "MeasureStorage", id }),
    sync: (id) => manager.send({ type: "Sync", id }),
    syncStatus: (id) => manager.send({ type: "GetSyncStatus", id }),
    collectTombstones: (input) => manager.send({ type: "CollectTombstones", input }),
    collectOrphan: (input) => manager.send({ type: "CollectOrphan", input }),
    setEphemeral: (id, state) => manager.send({ type: "SetEphemeral", id, state }),
  };
}
