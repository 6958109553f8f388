/** What contexts ask of governance: who may do what, and which rows make a context part of a group. */
import type { ApplicationId, ContextId, GroupId, PublicKey } from "../model/ids.ts";
import type { Row } from "../storage/store.ts";

/** `write`: may change state; `read`: may run methods, what they change is discarded; `none`: may not call at all. */
export type ExecuteRight = "write" | "read" | "none";

export interface AdmitInput {
  readonly contextId: ContextId;
  readonly applicationId: ApplicationId;
  /** Without one the context gets a group of its own, whose id is the context's. */
  readonly groupId?: GroupId;
  /** The identity that creates the context: it becomes a member where it is none yet. */
  readonly identity: PublicKey;
  readonly name?: string;
}

export interface Admission {
  readonly groupId: GroupId;
  readonly groupCreated: boolean;
  /** To be applied in the batch that makes the context. */
  readonly rows: readonly Row[];
  /** Called once the batch is applied, so that what is kept in memory follows the store. */
  applied(): void;
}

export interface Membership {
  /** Rejects `not_found`, `permission_denied` or `invalid_argument`. */
  admit(input: AdmitInput): Promise<Admission>;
  /** Rows that take the context out of its group. */
  release(contextId: ContextId): Promise<Omit<Admission, "groupId" | "groupCreated">>;
  /** Synchronous: asked at every call. */
  mayExecute(contextId: ContextId, identity: PublicKey): ExecuteRight;
  /** Whether a method of `source` may call into `target`: both are in one namespace. */
  mayCallAcross(source: ContextId, target: ContextId): boolean;
}
