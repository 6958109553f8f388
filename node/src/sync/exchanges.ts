/**
 * Everything that one node asks of another on a sync channel: a request and its answer each. The order is the tag on the
 * wire, so the table is only ever appended to. Bodies of the pure protocols are theirs (`protocols/`).
 */
import { groupBytes, groupIdOf } from "../governance/keys.ts";
import { MAX_PARENTS } from "../dag/delta.ts";
import type { KeyBox } from "../governance/replication.ts";
import { bytesOf, idOf, type ContextId, type GroupId, type Hash } from "../model/ids.ts";
import { bytes, bytes32, flag, listOf, mapped, number32, optional, record, text, word, type Codec } from "./codec.ts";

/** Ids asked for, and deltas or ops sent, in one request; bodies beyond `MAX_BODY` wait for the next. */
export const MAX_IDS = 4096;
/** Bytes of bodies in one frame. */
export const MAX_BODY = 4 * 1024 * 1024;
const MAX_BOXES = 4096;

interface Exchange<Ask, Answer> {
  readonly ask: Codec<Ask>;
  readonly answer: Codec<Answer>;
}

const exchange = <Ask, Answer>(ask: Codec<Ask>, answer: Codec<Answer>): Exchange<Ask, Answer> => ({ ask, answer });

const contextId: Codec<ContextId> = mapped(bytes32, (raw) => idOf<ContextId>(raw), bytesOf);
const hash: Codec<Hash> = mapped(bytes32, (raw) => idOf<Hash>(raw), bytesOf);
const groupId: Codec<GroupId> = mapped(bytes32, groupIdOf, groupBytes);
const hashes = listOf(hash, MAX_IDS);
const bodies = listOf(bytes, MAX_IDS);
/** As many of what was asked for as one frame holds, from the first on; nothing where a body is not there. */
const found = listOf(optional(bytes), MAX_IDS);

/** How a context stands. */
export interface ContextState {
  readonly isInitialized: boolean;
  readonly root: Hash;
  readonly heads: readonly Hash[];
  readonly deltas: number;
  readonly layout: "host" | "guest" | "empty";
  /** Over the ids of all applied deltas. */
  readonly fingerprint: Uint8Array;
}

const contextState = record<ContextState>({
  isInitialized: flag,
  root: hash,
  heads: listOf(hash, MAX_PARENTS * 10),
  deltas: number32,
  layout: word(["host", "guest", "empty"]),
  fingerprint: bytes32,
});

const box = record<KeyBox>({ scope: bytes32, keyId: bytes32, box: bytes });

export interface Pushed {
  readonly applied: number;
  readonly waiting: number;
  readonly refused: number;
}
const pushed = record<Pushed>({ applied: number32, waiting: number32, refused: number32 });

export const EXCHANGES = {
  /** How the context stands here. */
  contextState: exchange(contextId, contextState),
  /** `protocols/reconcile.ts` over the ids of its deltas. */
  reconcileDeltas: exchange(record<{ contextId: ContextId; body: Uint8Array }>({ contextId, body: bytes }), bytes),
  deltas: exchange(record<{ contextId: ContextId; ids: readonly Hash[] }>({ contextId, ids: hashes }), found),
  pushDeltas: exchange(
    record<{ contextId: ContextId; deltas: readonly Uint8Array[] }>({ contextId, deltas: bodies }),
    pushed,
  ),
  /** `protocols/tree.ts`. */
  tree: exchange(record<{ contextId: ContextId; body: Uint8Array }>({ contextId, body: bytes }), bytes),
  /** A borsh StorageDelta of entities; only taken from who may write. */
  pushEntities: exchange(record<{ contextId: ContextId; artifact: Uint8Array }>({ contextId, artifact: bytes }), hash),
  /** Opens a snapshot for this channel and says where it stands (`protocols/snapshot.ts`). */
  snapshot: exchange(contextId, bytes),
  /** A page of the open snapshot's rows after a key. */
  snapshotRows: exchange(record<{ after: Uint8Array | undefined }>({ after: optional(bytes) }), bytes),
  /** A page of its ids after an item's bytes. */
  snapshotIds: exchange(record<{ after: Uint8Array | undefined }>({ after: optional(bytes) }), bytes),
  namespaceState: exchange(
    groupId,
    record<{ heads: readonly Hash[]; fingerprint: Uint8Array }>({ heads: hashes, fingerprint: bytes32 }),
  ),
  reconcileOps: exchange(
    record<{ namespaceId: GroupId; body: Uint8Array }>({ namespaceId: groupId, body: bytes }),
    bytes,
  ),
  ops: exchange(record<{ namespaceId: GroupId; hashes: readonly Hash[] }>({ namespaceId: groupId, hashes }), found),
  /** Answered when they are stored: that is their acknowledgement. */
  pushOps: exchange(
    record<{ namespaceId: GroupId; ops: readonly Uint8Array[] }>({ namespaceId: groupId, ops: bodies }),
    pushed,
  ),
  /** Shows an invitation's JSON: this channel may read the log of the namespace that is answered from now on. */
  showInvitation: exchange(text, groupId),
  /** Keys that the asking account may have. */
  boxes: exchange(groupId, listOf(box, MAX_BOXES)),
} as const;

export type Kind = keyof typeof EXCHANGES;
export const KINDS = Object.keys(EXCHANGES) as readonly Kind[];
type ValueOf<C> = C extends Codec<infer T> ? T : never;
export type AskOf<K extends Kind> = ValueOf<(typeof EXCHANGES)[K]["ask"]>;
export type AnswerOf<K extends Kind> = ValueOf<(typeof EXCHANGES)[K]["answer"]>;
