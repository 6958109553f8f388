/**
 * The sync manager: keeps every context and namespace of this node level with the peers that have it. Peers come by topic;
 * what was made here is told; what is heard is taken; whatever hints at a difference (a new peer, another digest, a delta
 * whose parent is missing, a heartbeat) becomes a session with the peer that may have more.
 */
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";

import type { SyncStatus } from "../clients/context-client.ts";
import type { KeyScope } from "../governance/replication.ts";
import type { EventBus } from "../model/event.ts";
import type { ContextId, GroupId } from "../model/ids.ts";
import type { PeerId } from "../network/contract.ts";
import { syncCounters, type SyncCounters } from "./counters.ts";
import { createJudge } from "./hear.ts";
import { keyFetcher } from "./keys.ts";
import { levelContext } from "./level-context.ts";
import { fetchKeys, levelNamespace } from "./level-namespace.ts";
import type { SyncParts } from "./parts.ts";
import { PeerRefusal } from "./session.ts";
import { serve } from "./service.ts";
import { createSessions, type Sessions } from "./sessions.ts";
import { DEFAULT_SYNC, type SyncSettings } from "./settings.ts";
import { keyOfScope, newSubject, type Subject } from "./subjects.ts";
import { createTeller } from "./tell.ts";
import { subjectOf, SYNC_PROTOCOL } from "./wire.ts";

export type SyncInit = Omit<SyncParts, "settings" | "counters"> & {
  readonly events: EventBus;
  readonly settings?: Partial<SyncSettings>;
};

export interface Sync {
  readonly counters: SyncCounters;
  readonly sessions: Sessions;
  /** Subscribes to the topics of everything that is here, and begins. */
  start(): Promise<void>;
  /** Levels a context, or everything, with the peers that have it; rejects `unavailable` where none is connected, else as the last session failed. */
  sync(id?: ContextId): Promise<void>;
  status(id: ContextId): SyncStatus;
  /** Levels a namespace with a peer now; what joining does before there is a topic to hear. */
  levelWith(peer: PeerId, namespaceId: GroupId): Promise<void>;
  close(): Promise<void>;
}

export function createSync({ events, settings: given, ...init }: SyncInit): Sync {
  const settings = { ...DEFAULT_SYNC, ...given };
  const counters = syncCounters();
  const parts: SyncParts = { ...init, settings, counters };
  const { network, contexts, governance, clock, random, log } = parts;
  const sessions = createSessions(parts);
  const teller = createTeller(parts, sessions);
  const keys = keyFetcher(parts, sessions, log);
  const subjects = new Map<string, Subject>();
  const stop = new AbortController();
  const stops: (() => void)[] = [];
  let running = 0;
  /** Deltas of one context are told in order, without anybody waiting for it. */
  const telling = new Map<string, Promise<void>>();

  const subjectFor = (scope: KeyScope): Subject => {
    const key = keyOfScope(scope);
    const known = subjects.get(key);
    if (known !== undefined) return known;
    const made = newSubject(scope, clock.monotonic() + jittered(settings.beatNext), settings.beatNext);
    subjects.set(key, made);
    return made;
  };
  const jittered = (span: number): number => span * (0.75 + random.next() / 2);

  const background = (work: Promise<unknown>, what: string): void => {
    work.catch((err: unknown) => log.warn({ err }, what));
  };

  /** Something changed: the next digest comes when it has been quiet for a moment, and those after it ever later. */
  const touch = (scope: KeyScope): void => {
    const subject = subjectFor(scope);
    subject.beatAt = Math.min(clock.monotonic() + settings.beatFirst, subject.lastBeat + settings.beatNext);
    subject.beatSpan = settings.beatNext;
  };

  /** What looks like a difference may be on its way: only one that is still there a moment later is worth a session. */
  const suspect = (scope: KeyScope, peer: PeerId, stillSo: () => boolean): void => {
    const looked = clock.sleep(settings.lookAgain, stop.signal).then(() => {
      if (stillSo()) wish(scope, peer);
    });
    looked.catch(() => undefined);
  };

  const announce = (scope: KeyScope): void => {
    touch(scope);
    const told = clock
      .sleep(settings.tellAfter, stop.signal)
      .then(() => teller.digest(scope))
      .catch((err: unknown) => {
        if (!stop.signal.aborted) throw err;
      });
    background(told, "a digest was not told");
  };

  const wish = (scope: KeyScope, peer: PeerId): void => {
    if (stop.signal.aborted) return;
    const subject = subjectFor(scope);
    subject.wished.add(peer);
    kick(subject);
  };

  const kick = (subject: Subject): void => {
    const due = clock.monotonic() >= subject.retryAt;
    if (subject.running || !due || subject.wished.size === 0 || running >= settings.concurrent) return;
    subject.running = true;
    running += 1;
    background(
      runSubject(subject).finally(() => {
        subject.running = false;
        running -= 1;
        for (const each of subjects.values()) if (each.wished.size > 0) kick(each);
      }),
      "a subject was not levelled",
    );
  };

  const tellStatus = ({ scope }: Subject, syncState: string): void => {
    if (scope.type !== "context") return;
    events.publish({ contextId: scope.contextId, event: { type: "SyncStatus", syncState } });
  };

  const runSubject = async (subject: Subject): Promise<void> => {
    for (const peer of subject.wished) {
      subject.wished.delete(peer);
      counters.add("sessions");
      try {
        await levelOnce(subject, peer);
        subject.failures = 0;
        subject.lastError = undefined;
      } catch (err) {
        if (stop.signal.aborted) return;
        // Whoever knows nothing of it, or of us, is no failure: another peer may.
        if (err instanceof PeerRefusal && err.code === "not_found") continue;
        counters.add("sessions_failed");
        subject.failures += 1;
        subject.lastError = messageOf(err);
        const wait = Math.min(settings.retryFirst * 2 ** (subject.failures - 1), settings.retryMax);
        subject.retryAt = clock.monotonic() + jittered(wait);
        log.debug({ topic: subject.topic, peer, err }, "a session failed");
        // Somebody else may be asked at once; this peer again after a while.
        const others = network.subscribers(subject.topic).filter((each) => each !== peer);
        const next = others[Math.floor(random.next() * others.length)] ?? peer;
        if (network.subscribers(subject.topic).includes(next)) subject.wished.add(next);
        settle(subject, err);
        return;
      }
    }
    settle(subject, undefined);
  };

  const settle = (subject: Subject, failed: unknown): void => {
    for (const waiter of subject.waiters) waiter(failed);
    subject.waiters.clear();
  };

  const levelOnce = async (subject: Subject, peer: PeerId): Promise<void> => {
    const { scope } = subject;
    if (scope.type === "namespace") {
      const came = await sessions.with(peer, async (session) => {
        const changed = await levelNamespace(parts, session, scope.namespaceId);
        if (governance.lacksKeys(scope.namespaceId)) await fetchKeys(parts, session, scope.namespaceId);
        return changed;
      });
      if (came) announce(scope);
      return;
    }
    tellStatus(subject, "syncing");
    try {
      const { levelled, changed } = await sessions.with(peer, (session) =>
        levelContext(parts, session, scope.contextId),
      );
      subject.apart = levelled === "apart";
      if (changed) announce(scope);
      if (levelled === "apart") {
        throw new ShoalError("conflict", "the same deltas give another root here than at the peer");
      }
      if (levelled === "moving") subject.wished.add(peer);
    } finally {
      tellStatus(subject, stateWord(subject));
    }
  };

  const stateWord = (subject: Subject | undefined): string => {
    if (subject === undefined) return "idle";
    if (subject.apart) return "diverged";
    if (subject.running) return "syncing";
    return subject.failures > 0 ? "retrying" : "idle";
  };

  const tick = (): void => {
    const now = clock.monotonic();
    for (const subject of subjects.values()) {
      if (subject.wished.size > 0) kick(subject);
      if (now < subject.beatAt) continue;
      subject.lastBeat = now;
      subject.beatAt = now + jittered(subject.beatSpan);
      subject.beatSpan = Math.min(subject.beatSpan * 2, settings.beatMax);
      const { scope } = subject;
      const empty = scope.type === "context" && contexts.summary(scope.contextId)?.isInitialized === false;
      if (!empty) {
        background(teller.digest(scope), "a digest was not told");
        continue;
      }
      // A replica without a state keeps asking, whoever there is: nobody else knows that it waits.
      subject.beatAt = now + jittered(settings.beatFirst);
      const peers = network.subscribers(subject.topic);
      const peer = peers[Math.floor(random.next() * peers.length)];
      if (peer !== undefined) wish(scope, peer);
    }
  };

  const loop = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await clock.sleep(settings.tick, stop.signal).catch(() => undefined);
      if (!stop.signal.aborted) tick();
    }
  };

  const enter = async (scope: KeyScope): Promise<void> => {
    const { topic } = subjectFor(scope);
    await network.subscribe(topic);
    for (const peer of network.subscribers(topic)) wish(scope, peer);
  };

  const leave = async (scope: KeyScope): Promise<void> => {
    const key = keyOfScope(scope);
    subjects.delete(key);
    await network.unsubscribe(key);
  };

  const tellInOrder = (topic: string, tell: () => Promise<unknown>): void => {
    const before = telling.get(topic) ?? Promise.resolve();
    const after = before.then(tell).then(
      () => undefined,
      (err: unknown) => log.warn({ topic, err }, "peers were not told"),
    );
    telling.set(topic, after);
    void after.then(() => telling.get(topic) === after && telling.delete(topic));
  };

  const listen = (): void => {
    network.onGossip(
      createJudge(parts, keys, {
        behind: suspect,
        changed: (scope) => touch(scope),
      }),
    );
    network.handle(SYNC_PROTOCOL, (channel) =>
      serve(parts, channel, (subject) =>
        announce("contextId" in subject ? { type: "context", ...subject } : { type: "namespace", ...subject }),
      ),
    );
    stops.push(
      network.onPeer((event) => {
        if (event.type === "disconnected") sessions.forget(event.peer);
        if (event.type !== "subscribed") return;
        const scope = subjectOf(event.topic);
        const subject = subjects.get(event.topic);
        if (scope === undefined || subject === undefined) return;
        // A way that was cut may be open again: what failed before says nothing about it.
        subject.retryAt = 0;
        wish(scope, event.peer);
      }),
      contexts.onCommitted((delta) => {
        const scope: KeyScope = { type: "context", contextId: delta.contextId };
        touch(scope);
        tellInOrder(keyOfScope(scope), () => teller.delta(delta));
      }),
      contexts.onEphemeral(({ contextId, state }) =>
        tellInOrder(keyOfScope({ type: "context", contextId }), () => teller.presence(contextId, state)),
      ),
      contexts.onContext(({ contextId, type }) => {
        const scope: KeyScope = { type: "context", contextId };
        background(type === "deleted" ? leave(scope) : enter(scope), "a topic was not followed");
      }),
      governance.onOps(({ namespaceId, ops, own }) => {
        const scope: KeyScope = { type: "namespace", namespaceId };
        if (!subjects.has(keyOfScope(scope))) background(enter(scope), "a topic was not followed");
        touch(scope);
        // A queue of their own: data never keeps ops waiting.
        if (own) tellInOrder(`${keyOfScope(scope)}/ops`, () => teller.ops(namespaceId, ops));
        for (const contextId of contexts.list()) {
          if (governance.namespaceOf(contextId) !== namespaceId) continue;
          background(contexts.governanceGrew(contextId), "deltas that waited for ops were not judged again");
        }
      }),
    );
  };

  const levelled = (subject: Subject): Promise<void> =>
    new Promise((resolve, reject) => {
      subject.waiters.add((failed) => (failed === undefined ? resolve() : reject(failed)));
    });

  return {
    counters,
    sessions,
    async start() {
      listen();
      const scopes: KeyScope[] = [
        ...governance.namespaces().map((namespaceId) => ({ type: "namespace", namespaceId }) as const),
        ...contexts.list().map((contextId) => ({ type: "context", contextId }) as const),
      ];
      for (const scope of scopes) await enter(scope);
      void loop();
    },
    async sync(id) {
      const ids = id === undefined ? contexts.list() : [id];
      const sought = ids.map((contextId) => subjectFor({ type: "context", contextId }));
      const waits: Promise<void>[] = [];
      for (const subject of sought) {
        const peers = network.subscribers(subject.topic);
        if (peers.length === 0) {
          if (id !== undefined) throw new ShoalError("unavailable", "no peer that has the context is connected");
          continue;
        }
        subject.retryAt = 0;
        waits.push(levelled(subject));
        for (const peer of peers) wish(subject.scope, peer);
      }
      const late = clock.sleep(settings.sessionWithin, stop.signal).then(() => {
        throw new ShoalError("deadline_exceeded", "the peers did not level in time; it goes on by itself");
      });
      late.catch(() => undefined);
      await Promise.race([Promise.all(waits), late]);
    },
    status(contextId) {
      const subject = subjects.get(keyOfScope({ type: "context", contextId }));
      const isInitialized = contexts.summary(contextId)?.isInitialized ?? false;
      const lastError = subject?.lastError;
      return {
        contextId,
        isInitialized,
        syncState: !isInitialized && !(subject?.running ?? false) ? "waiting" : stateWord(subject),
        failureCount: subject?.failures ?? 0,
        ...(lastError === undefined ? {} : { lastError }),
      };
    },
    async levelWith(peer, namespaceId) {
      await sessions.with(peer, (session) => levelNamespace(parts, session, namespaceId));
    },
    async close() {
      stop.abort();
      for (const each of stops.splice(0)) each();
      await Promise.allSettled(telling.values());
      sessions.close();
    },
  };
}
