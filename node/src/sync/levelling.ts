/**
 * Runs sessions: one subject with one peer at a time, many subjects at once within a bound, after a failure with somebody
 * else first and ever later.
 */
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import type { EventBus } from "../model/event.ts";
import type { KeyScope } from "../governance/replication.ts";
import type { PeerId } from "../network/contract.ts";
import { levelContext } from "./level-context.ts";
import { fetchKeys, levelNamespace } from "./level-namespace.ts";
import type { SyncParts } from "./parts.ts";
import { PeerRefusal } from "./session.ts";
import type { Sessions } from "./sessions.ts";
import type { Subject, Subjects } from "./subjects.ts";

export interface LevellingParts {
  readonly parts: SyncParts;
  readonly sessions: Sessions;
  readonly subjects: Subjects;
  readonly events: EventBus;
  /** Something new came by a session: others are told. */
  readonly announce: (scope: KeyScope) => void;
  readonly signal: AbortSignal;
}

export class Levelling {
  readonly #parts: LevellingParts;
  #running = 0;

  constructor(parts: LevellingParts) {
    this.#parts = parts;
  }

  /** The peer may have more: a session with it is due. */
  wish(scope: KeyScope, peer: PeerId): void {
    const { subjects, signal } = this.#parts;
    if (signal.aborted) return;
    const subject = subjects.get(scope);
    subject.wished.add(peer);
    this.kick(subject);
  }

  /** What looks like a difference may be on its way: only one that is still there a moment later is worth a session. */
  suspect(scope: KeyScope, peer: PeerId, stillSo: () => boolean): void {
    const { parts, signal } = this.#parts;
    const looked = parts.clock.sleep(parts.settings.lookAgain, signal).then(() => {
      if (stillSo()) this.wish(scope, peer);
    });
    looked.catch(() => undefined);
  }

  /** Starts what may start. */
  kick(subject: Subject): void {
    const { clock, settings, log } = this.#parts.parts;
    const isDue = clock.monotonic() >= subject.retryAt;
    if (subject.running || !isDue || subject.wished.size === 0 || this.#running >= settings.concurrent) return;
    subject.running = true;
    this.#running += 1;
    this.#run(subject)
      .catch((err: unknown) => log.error({ topic: subject.topic, err }, "a subject was not levelled"))
      .finally(() => {
        subject.running = false;
        this.#running -= 1;
        for (const each of this.#parts.subjects.all()) this.kick(each);
      });
  }

  /** Resolves when the sessions that are wished for are over; rejects with what the last of them failed with. */
  levelled(subject: Subject): Promise<void> {
    return new Promise((resolve, reject) => {
      subject.waiters.add((failed) => {
        if (failed === undefined) resolve();
        else reject(failed);
      });
    });
  }

  async #run(subject: Subject): Promise<void> {
    const { parts, signal } = this.#parts;
    let failed: unknown;
    for (const peer of subject.wished) {
      subject.wished.delete(peer);
      parts.counters.add("sessions");
      try {
        await this.#once(subject, peer);
        subject.failures = 0;
        subject.lastError = undefined;
      } catch (err) {
        if (signal.aborted) return;
        // Whoever knows nothing of it, or of us, is no failure: another peer may.
        if (err instanceof PeerRefusal && err.code === "not_found") continue;
        this.#failed(subject, peer, err);
        failed = err;
        break;
      }
    }
    for (const waiter of subject.waiters) waiter(failed);
    subject.waiters.clear();
  }

  #failed(subject: Subject, peer: PeerId, err: unknown): void {
    const { network, counters, settings, clock, random, log } = this.#parts.parts;
    counters.add("sessions_failed");
    subject.failures += 1;
    subject.lastError = messageOf(err);
    const wait = Math.min(settings.retryFirst * 2 ** (subject.failures - 1), settings.retryMax);
    subject.retryAt = clock.monotonic() + wait * (0.75 + random.next() / 2);
    log.debug({ topic: subject.topic, peer, err }, "a session failed");
    // Somebody else is asked before this peer is asked again.
    const present = network.subscribers(subject.topic);
    const others = present.filter((each) => each !== peer);
    const next = others[Math.floor(random.next() * others.length)];
    if (next !== undefined) subject.wished.add(next);
    else if (present.includes(peer)) subject.wished.add(peer);
  }

  async #once(subject: Subject, peer: PeerId): Promise<void> {
    const { parts, sessions, announce } = this.#parts;
    const { scope } = subject;
    if (scope.type === "context") return this.#context(subject, scope.contextId, peer);
    const { namespaceId } = scope;
    const came = await sessions.with(peer, async (session) => {
      const changed = await levelNamespace(parts, session, namespaceId);
      if (parts.governance.lacksKeys(namespaceId)) await fetchKeys(parts, session, namespaceId);
      return changed;
    });
    if (came) announce(scope);
  }

  async #context(subject: Subject, contextId: Parameters<typeof levelContext>[2], peer: PeerId): Promise<void> {
    const { parts, sessions, announce } = this.#parts;
    this.#tell(subject);
    try {
      const { levelled, changed } = await sessions.with(peer, (session) => levelContext(parts, session, contextId));
      const isNew = levelled === "apart" && !subject.apart;
      subject.apart = levelled === "apart";
      if (changed) announce(subject.scope);
      if (isNew) parts.log.warn({ context: contextId, peer }, "the same deltas give another root at a peer");
      if (subject.apart) throw new ShoalError("conflict", "the same deltas give another root here than at the peer");
      if (levelled === "moving") subject.wished.add(peer);
      if (levelled === "stuck") throw new ShoalError("conflict", "deltas of the peer wait for what it does not have");
    } finally {
      this.#tell(subject);
    }
  }

  #tell(subject: Subject): void {
    if (subject.scope.type !== "context") return;
    const { contextId } = subject.scope;
    this.#parts.events.publish({ contextId, event: { type: "SyncStatus", syncState: stateWord(subject) } });
  }
}

/** How a subject stands, in one word. */
export function stateWord(subject: Subject | undefined): "idle" | "diverged" | "syncing" | "retrying" {
  if (subject === undefined) return "idle";
  if (subject.apart) return "diverged";
  if (subject.running) return "syncing";
  return subject.failures > 0 ? "retrying" : "idle";
}
