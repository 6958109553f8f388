/**
 * The answering side: who asks has proven an account, and hears of a context or namespace only what that account may read.
 * Whoever may not is told what a stranger is told: that there is no such thing.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { milliseconds } from "@shoal/shared/base/time.ts";
import { parseInvitation } from "../governance/invitations.ts";
import type { KeyScope } from "../governance/replication.ts";
import type { ContextId, GroupId, PublicKey } from "../model/ids.ts";
import type { ReplicaSnapshot } from "../context/replica.ts";
import type { Channel, PeerId } from "../network/contract.ts";
import { createBucket, type Bucket } from "../network/rate.ts";
import type { AnswerOf, AskOf, Kind } from "./exchanges.ts";
import { prefix } from "./bodies.ts";
import type { SyncParts } from "./parts.ts";
import { answerReconciliation } from "./protocols/reconcile.ts";
import { decodeIdKey, encodeBoundary, encodeIdsPage, encodeRowsPage } from "./protocols/snapshot.ts";
import { answerTree } from "./protocols/tree.ts";
import { acceptSession, answerSession } from "./session.ts";
import { stateOf } from "./state.ts";

/** Bytes of rows, and ids, in one page of a snapshot. */
const PAGE_BYTES = 1024 * 1024;
const PAGE_IDS = 16_384;

interface Caller {
  readonly channel: Channel;
  readonly account: PublicKey;
  /** Namespaces to which it has shown an invitation. */
  readonly invited: Set<GroupId>;
  snapshot: { readonly contextId: ContextId; readonly of: ReplicaSnapshot } | undefined;
}

type Handlers = { readonly [K in Kind]: (caller: Caller, ask: AskOf<K>) => Promise<AnswerOf<K>> };

/** Something new came by this channel, and others may not have it. */
export type Heard = (scope: KeyScope) => void;

/** What takes a pass over a whole set or tree to answer: a peer has so many per second, and waits for more. */
const COSTLY: ReadonlySet<Kind> = new Set(["reconcileDeltas", "reconcileOps", "tree", "snapshot"]);
const COSTLY_PER_SECOND = 20;
const COSTLY_AT_ONCE = 60;
const WAIT = milliseconds(50);
/** Peers whose use is remembered. */
const REMEMBERED = 1024;

/** Serves channels, each to its end. */
export function createService(parts: SyncParts, heard: Heard): (channel: Channel) => Promise<void> {
  const { clock } = parts;
  const handlers = handlersOf(parts, heard);
  const buckets = new Map<PeerId, Bucket>();
  const bucketOf = (peer: PeerId): Bucket => {
    const known = buckets.get(peer);
    if (known !== undefined) return known;
    const [oldest] = buckets.keys();
    if (buckets.size >= REMEMBERED && oldest !== undefined) buckets.delete(oldest);
    const made = createBucket(COSTLY_PER_SECOND, COSTLY_AT_ONCE);
    buckets.set(peer, made);
    return made;
  };
  return async (channel) => {
    const account = await acceptSession(parts, channel);
    const caller: Caller = { channel, account, invited: new Set(), snapshot: undefined };
    const bucket = bucketOf(channel.peer);
    try {
      await answerSession(channel, async (kind, ask) => {
        while (COSTLY.has(kind) && !bucket.take(1, clock.monotonic())) await clock.sleep(WAIT);
        const handle = handlers[kind] as (caller: Caller, ask: AskOf<typeof kind>) => Promise<AnswerOf<typeof kind>>;
        return handle(caller, ask);
      });
    } finally {
      caller.snapshot?.of[Symbol.dispose]();
    }
  };
}

function handlersOf(parts: SyncParts, heard: Heard): Handlers {
  return { ...contextHandlers(parts, heard), ...snapshotHandlers(parts), ...namespaceHandlers(parts, heard) };
}

const hidden = (what: string): ShoalError => new ShoalError("not_found", `no such ${what} here`);

/** Throws what a stranger hears unless the account may read the context now. */
function requireReader({ governance, contexts }: SyncParts, { account }: Caller, contextId: ContextId): void {
  const isHere = contexts.summary(contextId) !== undefined;
  if (!isHere || governance.rightNow(contextId, account) === "none") throw hidden("context");
}

function requireMember({ governance }: SyncParts, { account, invited }: Caller, namespaceId: GroupId): void {
  if (!invited.has(namespaceId) && !governance.belongs(namespaceId, account)) throw hidden("namespace");
}

type ContextKind = "contextState" | "reconcileDeltas" | "deltas" | "pushDeltas" | "tree" | "pushEntities";

function contextHandlers(parts: SyncParts, heard: Heard): Pick<Handlers, ContextKind> {
  const { contexts, governance, network, counters } = parts;
  return {
    async contextState(caller, contextId) {
      requireReader(parts, caller, contextId);
      const state = await stateOf(contexts, contextId);
      if (state === undefined) throw hidden("context");
      return state;
    },
    async reconcileDeltas(caller, { contextId, body }) {
      requireReader(parts, caller, contextId);
      return answerReconciliation(await contexts.ids(contextId), body);
    },
    async deltas(caller, { contextId, ids }) {
      requireReader(parts, caller, contextId);
      return prefix(await contexts.deltas(contextId, ids));
    },
    async pushDeltas(caller, { contextId, deltas }) {
      requireReader(parts, caller, contextId);
      const { applied, waiting, refused } = await contexts.receive(contextId, deltas);
      const liar = refused.find(({ forged }) => forged);
      if (liar !== undefined) network.report(caller.channel.peer, "forged", liar.because);
      counters.add("deltas_pulled", applied.length);
      if (applied.length > 0) heard({ type: "context", contextId });
      return { applied: applied.length, waiting: waiting.length, refused: refused.length };
    },
    async tree(caller, { contextId, body }) {
      requireReader(parts, caller, contextId);
      const layout = contexts.summary(contextId)?.layout ?? "empty";
      using state = await contexts.stateOf(contextId);
      return answerTree({ layout, contextId, get: (key) => state.get(key) }, body);
    },
    async pushEntities(caller, { contextId, artifact }) {
      requireReader(parts, caller, contextId);
      // Entities without a delta have no author to judge: they are worth what their bringer may write.
      if (governance.rightNow(contextId, caller.account) !== "write") {
        network.report(caller.channel.peer, "unauthorized", "hands over entities without the right to write");
        throw new ShoalError("permission_denied", "only who may write hands over entities");
      }
      const root = await contexts.mergeEntities(contextId, artifact);
      heard({ type: "context", contextId });
      return root;
    },
  };
}

function snapshotHandlers(parts: SyncParts): Pick<Handlers, "snapshot" | "snapshotRows" | "snapshotIds"> {
  /** Asked for each page: who is removed meanwhile gets no more. */
  const opened = (caller: Caller): ReplicaSnapshot => {
    if (caller.snapshot === undefined) throw new ShoalError("conflict", "no snapshot is open on this channel");
    requireReader(parts, caller, caller.snapshot.contextId);
    return caller.snapshot.of;
  };
  return {
    async snapshot(caller, contextId) {
      requireReader(parts, caller, contextId);
      caller.snapshot?.of[Symbol.dispose]();
      caller.snapshot = undefined;
      caller.snapshot = { contextId, of: await parts.contexts.snapshot(contextId) };
      return encodeBoundary(caller.snapshot.of.boundary);
    },
    snapshotRows: async (caller, { after }) => encodeRowsPage(await opened(caller).rows(after, PAGE_BYTES)),
    snapshotIds: async (caller, { after }) =>
      encodeIdsPage(opened(caller).ids(after === undefined ? undefined : decodeIdKey(after), PAGE_IDS)),
  };
}

type NamespaceKind = "namespaceState" | "reconcileOps" | "ops" | "pushOps" | "showInvitation" | "boxes";

function namespaceHandlers(parts: SyncParts, heard: Heard): Pick<Handlers, NamespaceKind> {
  const { governance, network, counters } = parts;
  return {
    async namespaceState(caller, namespaceId) {
      requireMember(parts, caller, namespaceId);
      return { heads: governance.heads(namespaceId), fingerprint: (await governance.ids(namespaceId)).fingerprint() };
    },
    async reconcileOps(caller, { namespaceId, body }) {
      requireMember(parts, caller, namespaceId);
      return answerReconciliation(await governance.ids(namespaceId), body);
    },
    async ops(caller, { namespaceId, hashes }) {
      requireMember(parts, caller, namespaceId);
      return prefix(await governance.ops(namespaceId, hashes));
    },
    async pushOps(caller, { namespaceId, ops }) {
      requireMember(parts, caller, namespaceId);
      const { added, waiting, refused } = await governance.receive(namespaceId, ops);
      const [first] = refused;
      if (first !== undefined) network.report(caller.channel.peer, "forged", first.because);
      counters.add("ops_pulled", added.length);
      if (added.length > 0) heard({ type: "namespace", namespaceId });
      return { applied: added.length, waiting: waiting.length, refused: refused.length };
    },
    async showInvitation(caller, json) {
      const invitation = parseInvitation(json);
      const namespaceId = governance.mayShow(invitation, caller.account);
      if (namespaceId === undefined) throw hidden("namespace");
      caller.invited.add(namespaceId);
      return namespaceId;
    },
    async boxes(caller, namespaceId) {
      if (!governance.belongs(namespaceId, caller.account)) throw hidden("namespace");
      return governance.boxesFor(namespaceId, caller.account);
    },
  };
}
