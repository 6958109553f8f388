/**
 * Contexts towards other nodes: what is here, what arrives, what was made here. Implemented by `context/`, asked by `sync/`.
 * Every change goes through the context's turn, like a call.
 */
import type { ApplicationId, ContextId, Hash, PublicKey } from "../model/ids.ts";
import type { IdItem, IdSet, SnapshotBoundary, StateLayout, StateRow } from "../sync/protocols/contract.ts";

export type { SnapshotBoundary, StateRow };

export interface ReplicaSummary {
  readonly contextId: ContextId;
  readonly isInitialized: boolean;
  readonly root: Hash;
  /** Ascending. */
  readonly heads: readonly Hash[];
  readonly deltas: number;
  readonly layout: StateLayout;
}

/** What became of deltas that arrived; every delta is in exactly one. `index`: its place among what was handed in. */
export interface ReceivedDeltas {
  readonly applied: readonly Hash[];
  /** Applied, or waiting, before. */
  readonly known: readonly Hash[];
  /** New, and kept until parents, or governance ops of its position, arrive. */
  readonly waiting: readonly Hash[];
  /** Given up for good, with all that builds upon it. `forged`: somebody lies (signature, author's rights, stamps, context). */
  readonly refused: readonly { readonly index: number; readonly because: string; readonly forged: boolean }[];
}

/** A root that is not what the delta's author had after it, although both made it of the same deltas. */
export interface Divergence {
  readonly contextId: ContextId;
  readonly delta: Hash;
  readonly expected: Hash;
  readonly found: Hash;
}

/** A version of an application that a context needs. */
export interface AwaitedVersion {
  readonly contextId: ContextId;
  readonly applicationId: ApplicationId;
  readonly version: string;
  /** 64 hex digits: its blob. */
  readonly appKey: string;
}

export interface CommittedDelta {
  readonly contextId: ContextId;
  readonly id: Hash;
  /** As stored: signed, plain. */
  readonly bytes: Uint8Array;
}

/** One moment of a context, to be read in pages; close it, or the store cannot compact. */
export interface ReplicaSnapshot extends Disposable {
  readonly boundary: SnapshotBoundary;
  get(key: Uint8Array): Uint8Array | undefined;
  /** Rows of the shared state after `after`, in key order, until `bytes` are gathered; empty at the end. */
  rows(after: Uint8Array | undefined, bytes: number): Promise<readonly StateRow[]>;
  ids(after: IdItem | undefined, limit: number): readonly IdItem[];
}

export interface ContextReplicas {
  /** Contexts of this node, also those that wait for their first state. */
  list(): readonly ContextId[];
  summary(id: ContextId): ReplicaSummary | undefined;
  /** Ids of all applied deltas, also those whose bodies are not here (joined by snapshot). */
  ids(id: ContextId): Promise<IdSet>;
  /** Encoded deltas in the order asked; undefined where a body is not here. */
  deltas(id: ContextId, ids: readonly Hash[]): Promise<readonly (Uint8Array | undefined)[]>;
  /**
   * Takes signed deltas in any order: verifies form, signature, author's right at the cut and stamps, orders them, applies what
   * is ready in batches, runs handlers of their events, keeps the rest (bounded in memory, then on disk). On disk when it resolves.
   */
  receive(id: ContextId, deltas: readonly Uint8Array[]): Promise<ReceivedDeltas>;
  /** Parents that deltas wait for and nobody has delivered, the earliest wanted first. */
  missing(id: ContextId, limit: number): readonly Hash[];
  /** Versions that contexts run or are moved to by deltas that wait for them, also those that are installed. */
  awaited(): readonly AwaitedVersion[];
  /** Whether deltas wait for governance ops of their position. */
  waitsForOps(id: ContextId): boolean;
  /** Governance ops of the namespace arrived: deltas that waited for them are judged again. */
  governanceGrew(id: ContextId): Promise<void>;
  /** Merges entities that tree comparison found (a borsh StorageDelta), without a delta; resolves with the root after it. */
  mergeEntities(id: ContextId, artifact: Uint8Array): Promise<Hash>;
  /** Rejects `unavailable` where the context waits for its first state itself. */
  snapshot(id: ContextId): Promise<ReplicaSnapshot>;
  /**
   * The first state of an empty replica. `pages` are stored aside as they come (a restart goes on from `resumeAfter`), and become
   * the state in one step when the tree recomputed from them has the boundary's root and the boundary's heads are signed by
   * members who might write. Rejects `conflict` for a replica that has a state (I16), `invalid_argument` where anything does not hold.
   */
  beginInstall(id: ContextId, boundary: SnapshotBoundary): Promise<SnapshotInstall>;
  /** A row of the current state of the context, for tree comparison. */
  stateOf(id: ContextId): Promise<ReplicaSnapshot>;
  /** Presence of somebody else: told to subscribers, not stored. */
  hearEphemeral(id: ContextId, author: PublicKey, state: Uint8Array): void;

  /** Told of each delta that was made here, after it is on disk, in order. Returns how to stop. */
  onCommitted(listener: (delta: CommittedDelta) => void): () => void;
  /** Told of presence set on this node. */
  onEphemeral(listener: (presence: { contextId: ContextId; state: Uint8Array }) => void): () => void;
  /** Told of a root that is not the one its author had, although both made it of the same deltas: a state that is apart. */
  onDivergence(listener: (divergence: Divergence) => void): () => void;
  /** Told when deltas that waited were dropped for want of room: peers have them, and are to be asked again. */
  onResync(listener: (contextId: ContextId) => void): () => void;
  /** Told when `awaited` may have grown. */
  onAwaited(listener: (contextId: ContextId) => void): () => void;
  /** Told when a context comes (`joined`, `created`) or goes (`deleted`): topics follow. */
  onContext(listener: (event: { contextId: ContextId; type: "joined" | "created" | "deleted" }) => void): () => void;
}

export interface SnapshotInstall {
  /** The key after which to ask; undefined: from the beginning. */
  readonly resumeAfter: Uint8Array | undefined;
  add(rows: readonly StateRow[]): Promise<void>;
  addIds(items: readonly IdItem[]): Promise<void>;
  /** Verifies and switches; all or nothing. */
  finish(): Promise<void>;
  /** Throws away what was stored aside. */
  discard(): Promise<void>;
}
