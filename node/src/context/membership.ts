/** What contexts ask of governance: who may do what, and which rows make a context part of a group. */
import type { ApplicationId, ContextId, GroupId, Hash, PublicKey } from "../model/ids.ts";
import type { Row } from "../storage/store.ts";

/** `write`: may change state; `read`: may run methods, what they change is discarded; `none`: may not call at all. */
export type ExecuteRight = "write" | "read" | "none";

/** Rights at a causal cut, which are the same on every node for all time. */
export interface RightsAtCut {
  /** `unknown`: governance ops of the position are not here yet. */
  rightAt(contextId: ContextId, who: PublicKey, position: readonly Hash[]): ExecuteRight | "unknown";
  /** Whether somebody who might write there might also move the context. */
  mayMoveAt(contextId: ContextId, who: PublicKey, position: readonly Hash[], target: MoveTarget): boolean;
}

/** A version of an application that a context may be moved to. */
export interface MoveTarget {
  readonly id: ApplicationId;
  readonly version: string;
}

export interface AdmitInput {
  readonly contextId: ContextId;
  readonly applicationId: ApplicationId;
  /** Without one the context gets a group of its own, whose id is the context's. */
  readonly groupId?: GroupId;
  /** The identity that creates the context: it becomes a member where it is none yet. */
  readonly identity: PublicKey;
  readonly name?: string;
  readonly service?: string;
}

export interface Placement {
  readonly groupId: GroupId;
  readonly groupCreated: boolean;
  /** Which version contexts of the group run, where that is of the application asked for; absent: the newest that is here. */
  readonly version?: string;
}

/**
 * Applies the rows of membership together with the caller's own, in one batch. Resolves when they are in the store, rejects
 * when none of them is; meanwhile nothing else of the namespace changes, so do in it what is to be in the batch and no more.
 * `position`: governance heads once it is done, for a delta of the same batch; absent: those of now.
 */
export type Commit = (rows: readonly Row[], position?: readonly Hash[]) => Promise<void>;

export interface Membership {
  /** Where the context would come to be; throws what `admit` would reject with, before anything has run. */
  placeFor(input: AdmitInput): Placement;
  /** Rejects `not_found`, `permission_denied`, `already_exists` or `invalid_argument`, and with whatever `commit` does. */
  admit(input: AdmitInput, commit: Commit): Promise<void>;
  /** Takes the context out of its group; one that was made for it goes with it. Rejects `permission_denied`. */
  release(contextId: ContextId, commit: Commit): Promise<void>;
  /** Synchronous: asked at every call. */
  mayExecute(contextId: ContextId, identity: PublicKey): ExecuteRight;
  /** Governance heads that a delta made now names, ascending, at most `MAX_POSITION`. Synchronous: asked at every commit. */
  position(contextId: ContextId): readonly Hash[];
  /** Whether `identity` may move the context to this version of an application. */
  mayUpdate(contextId: ContextId, identity: PublicKey, target: MoveTarget): boolean;
  /**
   * Asked before a context is called: moves it to its group's application where its upgrade waits for that. A context that
   * cannot be moved is called as it was.
   */
  beforeUse(contextId: ContextId): Promise<void>;
  /** Whether a method of `source` may call into `target`: both are in one namespace. */
  mayCallAcross(source: ContextId, target: ContextId): boolean;
}
