/**
 * Governance towards other nodes: ops that arrive and leave, rights at a causal cut, and the keys that gossip is sealed with.
 * `Governance` (contract.ts) is what people ask of it; this is what `sync/` and `context/` ask.
 */
import { minutes, type DurationMs } from "@shoal/shared/base/time.ts";
import type { ExecuteRight, MoveTarget } from "../context/membership.ts";
import type { ContextId, GroupId, Hash, PublicKey } from "../model/ids.ts";
import type { SignedInvitation } from "./contract.ts";
import type { IdSet } from "../sync/protocols/contract.ts";

/** Largest op, as its bytes arrive. */
export const MAX_OP_BYTES = 1024 * 1024;

/** How far ahead of our clock an op may say it was made and still enter the log at once; one beyond that waits until it is due. */
export const MAX_DRIFT: DurationMs = minutes(5);

/** What became of ops that arrived; every op is in exactly one of the four. */
export interface ReceivedOps {
  /** New here and in the log now; whether one is effective is the rules' word, and may change as concurrent ops arrive. */
  readonly added: readonly Hash[];
  readonly known: readonly Hash[];
  /** In the waiting room: parents that nobody has delivered yet. */
  readonly waiting: readonly { readonly hash: Hash; readonly missing: readonly Hash[] }[];
  /** Never enters the log: malformed, oversized, forged, or of another namespace. `index`: its place among what was handed in. */
  readonly refused: readonly { readonly index: number; readonly because: string }[];
}

/** A payload sealed with the key of a scope (a group, or a restricted context). */
export interface Sealed {
  /** SHA-256 of the key, 32 bytes. */
  readonly keyId: Uint8Array;
  /** 24 random bytes. */
  readonly nonce: Uint8Array;
  /** XChaCha20-Poly1305 with its 16-byte tag. */
  readonly ciphertext: Uint8Array;
}

/** A key in a box that only its recipient opens (X25519 of the Ed25519 keys, anonymous sender). */
export interface KeyBox {
  readonly scope: Uint8Array;
  readonly keyId: Uint8Array;
  readonly box: Uint8Array;
}

export interface GovernanceReplica {
  /** Namespaces whose log is here, or expected. */
  namespaces(): readonly GroupId[];
  namespaceOf(contextId: ContextId): GroupId | undefined;
  heads(namespaceId: GroupId): readonly Hash[];
  /** All ops of the log; `time` is the op's `atMs`. */
  ids(namespaceId: GroupId): Promise<IdSet>;
  /** Encoded ops in the order asked; undefined where an op is not here. */
  ops(namespaceId: GroupId, hashes: readonly Hash[]): Promise<readonly (Uint8Array | undefined)[]>;
  /**
   * Takes encoded ops in any order, also of a namespace that was not here (only while `expect`ed, see below). Ops whose parents
   * are missing wait, bounded and on disk. Stored when it resolves.
   */
  receive(namespaceId: GroupId, ops: readonly Uint8Array[]): Promise<ReceivedOps>;
  /** Parents that ops wait for and nobody has delivered. */
  missing(namespaceId: GroupId, limit: number): readonly Hash[];
  /**
   * A namespace that this node is about to join: ops of it are taken from now on, those only that descend from `genesis` where
   * the invitation names it. Idempotent, survives a restart.
   */
  expect(namespaceId: GroupId, genesis?: Hash): Promise<void>;

  /** What `who` may do in the context by everything that is known now. */
  rightNow(contextId: ContextId, who: PublicKey): ExecuteRight;
  /**
   * What `who` might do at a causal cut: the state of the ancestors of `position` and nothing else, so the same on every node
   * for all time. `unknown`: ops of the position are not here yet.
   */
  rightAt(contextId: ContextId, who: PublicKey, position: readonly Hash[]): ExecuteRight | "unknown";
  /** Whether it might move the context to this version of an application there; false also where `rightAt` is not `write`. */
  mayMoveAt(contextId: ContextId, who: PublicKey, position: readonly Hash[], target: MoveTarget): boolean;
  /** Whether an account belongs to the namespace by any way (of any group in it): it may read the log. */
  belongs(namespaceId: GroupId, account: PublicKey): boolean;

  /**
   * The namespace whose log the holder of this invitation may be shown so as to join: signed by a member who may invite, not
   * expired by our clock, not spent or revoked, for this account where it names one. undefined where it is worth nothing here.
   */
  mayShow(invitation: SignedInvitation, account: PublicKey): GroupId | undefined;

  /** The invitation that this node's account has joined by: what it shows to peers that have not heard of its joining. */
  invitationOf(namespaceId: GroupId): SignedInvitation | undefined;

  /**
   * Seals for everybody who may read the context (its group's scope, or its own where it is restricted), or for members of a
   * namespace. Rotates first where the current key's audience holds somebody who may not read any more. `aad` is bound.
   * Rejects `permission_denied` for who may not write there, `unavailable` while this node was not given the key.
   */
  seal(scope: KeyScope, plaintext: Uint8Array, aad: Uint8Array): Promise<Sealed>;
  /** undefined where the key is not here (ask peers: `boxesFor`); throws `invalid_argument` where it does not open. */
  open(scope: KeyScope, sealed: Sealed, aad: Uint8Array): Uint8Array | undefined;
  /** Whether keys that this node's account may have are not here yet. */
  lacksKeys(namespaceId: GroupId): boolean;
  /** All keys that `account` may have, boxed for it; what a member gives another that asks. Empty for strangers. */
  boxesFor(namespaceId: GroupId, account: PublicKey): Promise<readonly KeyBox[]>;
  /** Keeps the keys in boxes that are for this node's account and match their ids; the count of new ones. */
  keepBoxes(boxes: readonly KeyBox[]): Promise<number>;

  /** Contexts that this node's account follows by the log (auto-follow, or joined before) and may read. */
  toFollow(): readonly ContextId[];
  /** Told when `toFollow` has grown or shrunk. Returns how to stop. */
  onFollow(listener: () => void): () => void;

  /**
   * Told of ops after the store has them: `own` were made here and are to be told to peers; none: the namespace is expected now.
   * Returns how to stop.
   */
  onOps(listener: (change: { namespaceId: GroupId; ops: readonly Uint8Array[]; own: boolean }) => void): () => void;
}

export type KeyScope =
  | { readonly type: "context"; readonly contextId: ContextId }
  | { readonly type: "namespace"; readonly namespaceId: GroupId };
