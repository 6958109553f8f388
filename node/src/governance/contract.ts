/**
 * What the rest of the node asks of governance: who may do what in which context, and the group a new context goes to.
 * Questions are answered synchronously from memory; changes are signed ops and resolve when they are on disk.
 */
import type { ApplicationId, ContextId, GroupId, PublicKey } from "../model/ids.ts";
import type { Row } from "../storage/store.ts";
import type { Access } from "./rules/standing.ts";

/** A key that ops are signed with. `sign` gives 64 bytes, Ed25519. */
export interface Signer {
  readonly publicKey: PublicKey;
  sign(message: Uint8Array): Uint8Array;
}

export interface NewContext {
  readonly contextId: ContextId;
  readonly applicationId: ApplicationId;
  /** Absent: the context gets a group of its own, whose id is the context's. */
  readonly groupId?: GroupId;
  /** Who the context's creator is; absent: the node's account. A key that is no member yet is let in as `Member`. */
  readonly member?: Signer;
  readonly name?: string;
  readonly service?: string;
}

/**
 * Applies governance's rows together with the caller's own, in one batch. Resolving is the promise that they are in the
 * store; rejecting, that none of them is. No other op of the namespace comes between.
 */
export type Commit = (rows: readonly Row[]) => Promise<void>;

/** The part of governance that contexts live by. */
export interface ContextGovernance {
  /** Refuses what `registerContext` would refuse, before anything was run or written. */
  mayRegister(context: Pick<NewContext, "contextId" | "groupId" | "member">): void;
  /** Registers a context, making its group where none is named. */
  registerContext(
    context: NewContext,
    commit: Commit,
  ): Promise<{ readonly groupId: GroupId; readonly groupCreated: boolean }>;
  /**
   * Takes a context out of its group; a group that was made for it goes with it once it is empty. Resolves false, with no
   * rows committed, where the context is in no group.
   */
  detachContext(contextId: ContextId, requester: PublicKey | undefined, commit: Commit): Promise<boolean>;
  groupOf(contextId: ContextId): GroupId | undefined;
  /** A few microseconds: fit for every call. */
  mayExecute(contextId: ContextId, who: PublicKey): Access;
  /** Whether `who` may move the context to another application. */
  mayUpdate(contextId: ContextId, who: PublicKey): boolean;
  /** Members with access to the context, direct and inherited, sorted. */
  memberIdentities(contextId: ContextId): readonly PublicKey[];
  /** Call it before a context is used: moves it to the group's application first where its upgrade waits for that. */
  beforeUse(contextId: ContextId): Promise<void>;
}
