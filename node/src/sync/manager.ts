/**
 * The sync manager: keeps every context and namespace of this node level with the peers that have it. What was made here is
 * told; what is heard is taken; whatever hints at a difference (a new peer, another digest, a delta whose parent is missing)
 * becomes a session with the peer that may have more.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { SyncStatus } from "../clients/context-client.ts";
import type { KeyScope } from "../governance/replication.ts";
import type { EventBus } from "../model/event.ts";
import type { ContextId } from "../model/ids.ts";
import type { Network } from "../network/contract.ts";
import { syncCounters, type SyncCounters } from "./counters.ts";
import { createJudge } from "./hear.ts";
import { inOrder } from "./in-order.ts";
import { keyFetcher } from "./keys.ts";
import { Levelling, stateWord } from "./levelling.ts";
import type { SyncParts } from "./parts.ts";
import { createService } from "./service.ts";
import { createSessions, type Sessions } from "./sessions.ts";
import { DEFAULT_SYNC, type SyncSettings } from "./settings.ts";
import { createSubjects, keyOfScope, type Subject, type Subjects } from "./subjects.ts";
import { createTeller } from "./tell.ts";
import { subjectOf, SYNC_PROTOCOL } from "./wire.ts";

export type SyncInit = Omit<SyncParts, "settings" | "counters"> & {
  readonly events: EventBus;
  readonly settings?: Partial<SyncSettings>;
};

export interface Sync {
  readonly parts: SyncParts;
  readonly sessions: Sessions;
  readonly counters: SyncCounters;
  /** Subscribes to the topics of everything that is here, and begins. */
  start(): Promise<void>;
  /**
   * Levels a context, or everything, with the peers that have it. Rejects `unavailable` where none is connected,
   * `deadline_exceeded` where it takes longer than a person waits, else as the last session failed.
   */
  sync(id?: ContextId): Promise<void>;
  status(id: ContextId): SyncStatus;
  close(): Promise<void>;
}

interface Working {
  readonly parts: SyncParts;
  readonly sessions: Sessions;
  readonly subjects: Subjects;
  readonly levelling: Levelling;
  readonly announce: (scope: KeyScope) => void;
  readonly signal: AbortSignal;
}

export function createSync({ events, settings, ...init }: SyncInit): Sync {
  const counters = syncCounters();
  const parts: SyncParts = { ...init, settings: { ...DEFAULT_SYNC, ...settings }, counters };
  const stop = new AbortController();
  const { signal } = stop;
  const sessions = createSessions(parts);
  const subjects = createSubjects(parts);
  const teller = createTeller(parts, sessions);
  const announce = announcer(parts, subjects, teller.digest, signal);
  const levelling = new Levelling({ parts, sessions, subjects, events, announce, signal });
  const working: Working = { parts, sessions, subjects, levelling, announce, signal };
  const told = inOrder(parts.log);
  const stops: (() => void)[] = [];
  return {
    parts,
    sessions,
    counters,
    async start() {
      stops.push(...listen(working), ...tellOwn(working, teller, told.run));
      const scopes: KeyScope[] = [
        ...parts.governance.namespaces().map((namespaceId) => ({ type: "namespace", namespaceId }) as const),
        ...parts.contexts.list().map((contextId) => ({ type: "context", contextId }) as const),
      ];
      for (const scope of scopes) await enter(working, scope);
      void beat(working, teller.digest);
    },
    sync: (id) => syncNow(working, id),
    status: (id) => statusOf(working, id),
    async close() {
      stop.abort();
      for (const each of stops.splice(0)) each();
      await told.settled();
      sessions.close();
    },
  };
}

type Digest = (scope: KeyScope) => Promise<void>;

/** Tells how a subject stands, soon: what came by one session often comes with more. */
function announcer(
  { clock, settings, log }: SyncParts,
  subjects: Subjects,
  digest: Digest,
  signal: AbortSignal,
): (scope: KeyScope) => void {
  const soon = new Set<string>();
  return (scope) => {
    const key = keyOfScope(scope);
    subjects.touch(scope);
    if (soon.has(key)) return;
    soon.add(key);
    const told = clock
      .sleep(settings.tellAfter, signal)
      .finally(() => soon.delete(key))
      .then(() => digest(scope));
    told.catch((err: unknown) => signal.aborted || log.warn({ topic: key, err }, "a digest was not told"));
  };
}

/** Follows a topic; peers that have it are levelled with. */
async function enter({ parts, subjects, levelling }: Working, scope: KeyScope): Promise<void> {
  const { topic } = subjects.get(scope);
  await parts.network.subscribe(topic);
  for (const peer of parts.network.subscribers(topic)) levelling.wish(scope, peer);
}

async function leave({ parts, subjects }: Working, scope: KeyScope): Promise<void> {
  subjects.forget(scope);
  await parts.network.unsubscribe(keyOfScope(scope));
}

/** What comes from others. */
function listen(working: Working): readonly (() => void)[] {
  const { parts, sessions, subjects, levelling, announce } = working;
  const { network, log } = parts;
  const keys = keyFetcher(parts, sessions, log);
  network.onGossip(
    createJudge(parts, keys, {
      behind: (scope, peer, stillSo) => levelling.suspect(scope, peer, stillSo),
      changed: (scope) => subjects.touch(scope),
    }),
  );
  network.handle(SYNC_PROTOCOL, createService(parts, announce));
  return [network.onPeer((event) => meet(working, event))];
}

function meet(
  { sessions, subjects, levelling }: Working,
  event: Parameters<Parameters<Network["onPeer"]>[0]>[0],
): void {
  if (event.type === "disconnected") sessions.forget(event.peer);
  if (event.type !== "subscribed") return;
  const scope = subjectOf(event.topic);
  const subject = subjects.known(event.topic);
  if (scope === undefined || subject === undefined) return;
  // A way that was cut may be open again: what failed before says nothing about it.
  subject.retryAt = 0;
  levelling.wish(scope, event.peer);
}

/** What this node makes. */
function tellOwn(
  working: Working,
  teller: ReturnType<typeof createTeller>,
  inTurn: (key: string, work: () => Promise<unknown>) => void,
): readonly (() => void)[] {
  const { parts, subjects } = working;
  const { contexts, governance } = parts;
  return [
    contexts.onCommitted((delta) => {
      const scope: KeyScope = { type: "context", contextId: delta.contextId };
      subjects.touch(scope);
      inTurn(keyOfScope(scope), () => teller.delta(delta));
    }),
    contexts.onEphemeral(({ contextId, state }) => {
      const scope: KeyScope = { type: "context", contextId };
      inTurn(keyOfScope(scope), () => teller.presence(contextId, state));
    }),
    contexts.onContext(({ contextId, type }) => {
      const scope: KeyScope = { type: "context", contextId };
      inTurn(`${keyOfScope(scope)} topic`, () => (type === "deleted" ? leave(working, scope) : enter(working, scope)));
    }),
    governance.onOps(({ namespaceId, ops, own }) => {
      const scope: KeyScope = { type: "namespace", namespaceId };
      const key = keyOfScope(scope);
      // Lines of their own: data never keeps ops waiting.
      if (subjects.known(key) === undefined) inTurn(`${key} topic`, () => enter(working, scope));
      subjects.touch(scope);
      if (own) inTurn(key, () => teller.ops(namespaceId, ops));
      for (const contextId of contexts.list()) {
        if (governance.namespaceOf(contextId) !== namespaceId) continue;
        inTurn(`${contextId} grew`, () => contexts.governanceGrew(contextId));
      }
    }),
  ];
}

/** Heartbeats, and what waited for its time. */
async function beat(working: Working, digest: Digest): Promise<void> {
  const { parts, subjects, levelling, signal } = working;
  const { clock, settings, log } = parts;
  for (;;) {
    await clock.sleep(settings.tick, signal).catch(() => undefined);
    if (signal.aborted) return;
    for (const subject of subjects.all()) levelling.kick(subject);
    for (const subject of subjects.due()) {
      try {
        beatOf(working, subject, digest);
      } catch (err) {
        // A store that cannot be read now is no reason for all beats to end.
        log.warn({ topic: subject.topic, err }, "a heartbeat was left out");
      }
    }
  }
}

function beatOf({ parts, subjects, levelling }: Working, subject: Subject, digest: Digest): void {
  const { contexts, network, random, log } = parts;
  const { scope } = subject;
  const isEmpty = scope.type === "context" && contexts.summary(scope.contextId)?.isInitialized === false;
  if (!isEmpty) {
    digest(scope).catch((err: unknown) => log.warn({ topic: subject.topic, err }, "a digest was not told"));
    return;
  }
  // A replica without a state keeps asking, whoever there is: nobody else knows that it waits.
  subjects.touch(scope);
  const peers = network.subscribers(subject.topic);
  const peer = peers[Math.floor(random.next() * peers.length)];
  if (peer !== undefined) levelling.wish(scope, peer);
}

async function syncNow({ parts, subjects, levelling, signal }: Working, id: ContextId | undefined): Promise<void> {
  const waits: Promise<void>[] = [];
  for (const contextId of id === undefined ? parts.contexts.list() : [id]) {
    const subject = subjects.get({ type: "context", contextId });
    const peers = parts.network.subscribers(subject.topic);
    if (peers.length === 0 && id !== undefined) {
      throw new ShoalError("unavailable", "no peer that has the context is connected");
    }
    if (peers.length === 0) continue;
    subject.retryAt = 0;
    waits.push(levelling.levelled(subject));
    for (const peer of peers) levelling.wish(subject.scope, peer);
  }
  const late = parts.clock.sleep(parts.settings.sessionWithin, signal).then(() => {
    throw new ShoalError("deadline_exceeded", "the peers did not level in time; it goes on by itself");
  });
  late.catch(() => undefined);
  await Promise.race([Promise.all(waits), late]);
}

function statusOf({ parts, subjects }: Working, contextId: ContextId): SyncStatus {
  const subject = subjects.known(keyOfScope({ type: "context", contextId }));
  const isInitialized = parts.contexts.summary(contextId)?.isInitialized ?? false;
  const word = stateWord(subject);
  return {
    contextId,
    isInitialized,
    syncState: !isInitialized && word === "idle" ? "waiting" : word,
    failureCount: subject?.failures ?? 0,
    ...(subject?.lastError === undefined ? {} : { lastError: subject.lastError }),
  };
}
