/**
 * What others say on topics. Each message is opened, judged and taken; its verdict decides whether the network passes it on,
 * and whether who passed it on is held to it.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { KeyScope, Sealed } from "../governance/replication.ts";
import type { ContextId, GroupId } from "../model/ids.ts";
import type { Gossip, GossipVerdict, PeerId } from "../network/contract.ts";
import type { KeyFetcher } from "./keys.ts";
import type { SyncParts } from "./parts.ts";
import { decodePresence } from "./presence.ts";
import { digestOf } from "./state.ts";
import { aadOf } from "./tell.ts";
import { decodeGossip, subjectOf, type GossipMessage } from "./wire.ts";

export interface Hearing {
  /** The peer seems to have what we lack; `stillSo` is asked a moment later. */
  behind(subject: KeyScope, peer: PeerId, stillSo: () => boolean): void;
  /** Something new was taken. */
  changed(subject: KeyScope): void;
}

export function createJudge(
  parts: SyncParts,
  keys: KeyFetcher,
  hearing: Hearing,
): (gossip: Gossip) => Promise<GossipVerdict> {
  const { network, counters, log } = parts;
  const takePresence = createPresenceTaker(parts);
  return async ({ topic, from, payload }) => {
    const subject = subjectOf(topic);
    if (subject === undefined) return "ignore";
    try {
      return await judge({ parts, keys, hearing, takePresence }, subject, topic, from, decodeGossip(payload));
    } catch (thrown) {
      counters.add("gossip_refused");
      if (!(thrown instanceof ShoalError) || thrown.code !== "invalid_argument") {
        // Ours, not theirs: the context is busy, or the disk is full.
        log.warn({ topic, from, err: thrown }, "gossip could not be taken");
        hearing.behind(subject, from, () => true);
        return "ignore";
      }
      network.report(from, "malformed", thrown.message);
      return "reject";
    }
  };
}

interface Judging {
  readonly parts: SyncParts;
  readonly keys: KeyFetcher;
  readonly hearing: Hearing;
  readonly takePresence: (contextId: ContextId, plain: Uint8Array) => GossipVerdict;
}

async function judge(
  { parts, keys, hearing, takePresence }: Judging,
  subject: KeyScope,
  topic: string,
  from: PeerId,
  message: GossipMessage,
): Promise<GossipVerdict> {
  if (message.type === "digest") {
    const differs = (): boolean => Buffer.compare(message.digest, ownDigest(parts, subject)) !== 0;
    if (differs()) hearing.behind(subject, from, differs);
    return "accept";
  }
  const plain = await opened(parts, keys, subject, message.sealed, aadOf(topic, message.type), from);
  if (plain === undefined) {
    hearing.behind(subject, from, () => true);
    return "ignore";
  }
  if (message.type === "op")
    return subject.type === "namespace" ? takeOp(parts, hearing, subject.namespaceId, plain, from) : "reject";
  if (subject.type !== "context") return "reject";
  if (message.type === "delta") return takeDelta(parts, hearing, subject.contextId, plain, from);
  return takePresence(subject.contextId, plain);
}

/** Keys travel after the op that makes them: where one is missing the peer is asked for it once. */
async function opened(
  { governance }: SyncParts,
  keys: KeyFetcher,
  subject: KeyScope,
  sealed: Sealed,
  aad: Uint8Array,
  from: PeerId,
): Promise<Uint8Array | undefined> {
  const atOnce = governance.open(subject, sealed, aad);
  if (atOnce !== undefined) return atOnce;
  const namespaceId = subject.type === "namespace" ? subject.namespaceId : governance.namespaceOf(subject.contextId);
  if (namespaceId === undefined || !(await keys.fetch(namespaceId, from))) return undefined;
  return governance.open(subject, sealed, aad);
}

async function takeDelta(
  { contexts, governance, counters }: SyncParts,
  hearing: Hearing,
  contextId: ContextId,
  delta: Uint8Array,
  from: PeerId,
): Promise<GossipVerdict> {
  const subject: KeyScope = { type: "context", contextId };
  const { applied, waiting, refused } = await contexts.receive(contextId, [delta]);
  const [wrong] = refused;
  if (wrong !== undefined) {
    counters.add("gossip_refused");
    return wrong.forged ? "reject" : "ignore";
  }
  if (applied.length > 0) {
    counters.add("gossip_deltas");
    hearing.changed(subject);
  }
  if (waiting.length > 0) {
    hearing.behind(subject, from, () => contexts.missing(contextId, 1).length > 0);
    const namespaceId = governance.namespaceOf(contextId);
    const position = namespaceId === undefined ? undefined : ({ type: "namespace", namespaceId } as const);
    if (position !== undefined) hearing.behind(position, from, () => contexts.waitsForOps(contextId));
  }
  return "accept";
}

async function takeOp(
  { governance, counters }: SyncParts,
  hearing: Hearing,
  namespaceId: GroupId,
  op: Uint8Array,
  from: PeerId,
): Promise<GossipVerdict> {
  const subject: KeyScope = { type: "namespace", namespaceId };
  const { added, waiting, refused } = await governance.receive(namespaceId, [op]);
  if (refused.length > 0) {
    counters.add("gossip_refused");
    return "reject";
  }
  if (added.length > 0) {
    counters.add("gossip_ops");
    hearing.changed(subject);
  }
  if (waiting.length > 0) hearing.behind(subject, from, () => governance.missing(namespaceId, 1).length > 0);
  return "accept";
}

/** Authors of whom the last moment is remembered. */
const REMEMBERED = 4096;

function createPresenceTaker({
  contexts,
  governance,
}: SyncParts): (contextId: ContextId, plain: Uint8Array) => GossipVerdict {
  const latest = new Map<string, number>();
  return (contextId, plain) => {
    const { author, atMs, state } = decodePresence(contextId, plain);
    if (governance.rightNow(contextId, author) === "none") return "reject";
    const key = `${contextId}/${author}`;
    if (atMs <= (latest.get(key) ?? -1)) return "ignore";
    latest.delete(key);
    latest.set(key, atMs);
    const [oldest] = latest.keys();
    if (latest.size > REMEMBERED && oldest !== undefined) latest.delete(oldest);
    contexts.hearEphemeral(contextId, author, state);
    return "accept";
  };
}

function ownDigest({ contexts, governance }: SyncParts, subject: KeyScope): Uint8Array {
  if (subject.type === "namespace") return digestOf(undefined, governance.heads(subject.namespaceId));
  const summary = contexts.summary(subject.contextId);
  return digestOf(summary?.root, summary?.heads ?? []);
}
