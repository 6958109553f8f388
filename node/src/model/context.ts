/** A context: one application, one state, one DAG. */
import type { ApplicationId, ContextId, GroupId, Hash, PublicKey } from "./ids.ts";

export interface Context {
  readonly id: ContextId;
  readonly applicationId: ApplicationId;
  /** Of the application: all versions of a bundle share its id, and a context changes over only when it is told to. */
  readonly version: string;
  /** 64 hex digits: the version's blob, where it may have to be fetched. */
  readonly appKey?: string;
  /** The delta that brought it to its version; absent where it runs what it was made with. `time`: u64 of its stamp, decimal. */
  readonly moved?: { readonly time: string; readonly id: Hash };
  readonly service: string;
  /** Root of the state; base58 of 32 zero bytes before `init`. */
  readonly rootHash: Hash;
  /** Deltas that no other delta names as parent. */
  readonly dagHeads: readonly Hash[];
  readonly groupId: GroupId;
  /** `init` has run here, or the state came from peers; before that nobody may call. A state may well be empty. */
  readonly isInitialized: boolean;
  readonly createdAtMs: number;
  /** Deltas whose effects are in the state. Absent in rows of before they were counted. */
  readonly deltas?: number;
}

/** A key pair known to a context; without `secret` it is somebody else's. */
export interface ContextIdentity {
  readonly publicKey: PublicKey;
  readonly owned: boolean;
}
