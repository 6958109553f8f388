/**
 * What is levelled, and how each stands: which peers may have more, when it failed last, when its next heartbeat is due.
 */
import type { KeyScope } from "../governance/replication.ts";
import type { PeerId } from "../network/contract.ts";
import type { SyncParts } from "./parts.ts";
import { contextTopic, namespaceTopic } from "./wire.ts";

export interface Subject {
  readonly scope: KeyScope;
  readonly topic: string;
  /** Peers to level with, in the order in which they were named. */
  readonly wished: Set<PeerId>;
  running: boolean;
  /** In a row. */
  failures: number;
  lastError: string | undefined;
  /** Monotonic ms before which nothing is tried again. */
  retryAt: number;
  /** Monotonic ms of the next digest and of the last one, and what is added for the one after the next. */
  beatAt: number;
  lastBeat: number;
  beatSpan: number;
  /** The last session ended apart: same deltas, another root. */
  apart: boolean;
  /** Whoever waits for the subject to be levelled once. */
  readonly waiters: Set<(failed: unknown) => void>;
}

export const keyOfScope = (scope: KeyScope): string =>
  scope.type === "context" ? contextTopic(scope.contextId) : namespaceTopic(scope.namespaceId);

export interface Subjects {
  get(scope: KeyScope): Subject;
  /** undefined for what is not followed. */
  known(topic: string): Subject | undefined;
  all(): Iterable<Subject>;
  forget(scope: KeyScope): void;
  /** Something changed: the next digest comes when it has been quiet for a moment, and those after it ever later. */
  touch(scope: KeyScope): void;
  /** Those whose digest is due; their next one is set. */
  due(): readonly Subject[];
}

type Parts = Pick<SyncParts, "clock" | "random" | "settings">;

export function createSubjects({ clock, random, settings }: Parts): Subjects {
  const subjects = new Map<string, Subject>();
  const jittered = (span: number): number => span * (0.75 + random.next() / 2);
  const get = (scope: KeyScope): Subject => {
    const topic = keyOfScope(scope);
    const known = subjects.get(topic);
    if (known !== undefined) return known;
    const made: Subject = {
      scope,
      topic,
      wished: new Set(),
      running: false,
      failures: 0,
      lastError: undefined,
      retryAt: 0,
      beatAt: clock.monotonic() + jittered(settings.beatNext),
      lastBeat: 0,
      beatSpan: settings.beatNext,
      apart: false,
      waiters: new Set(),
    };
    subjects.set(topic, made);
    return made;
  };
  return {
    get,
    known: (topic) => subjects.get(topic),
    all: () => subjects.values(),
    forget: (scope) => void subjects.delete(keyOfScope(scope)),
    touch(scope) {
      const subject = get(scope);
      subject.beatAt = Math.min(clock.monotonic() + settings.beatFirst, subject.lastBeat + settings.beatNext);
      subject.beatSpan = settings.beatNext;
    },
    due() {
      const now = clock.monotonic();
      const due = [...subjects.values()].filter(({ beatAt }) => now >= beatAt);
      for (const subject of due) {
        subject.lastBeat = now;
        subject.beatAt = now + jittered(subject.beatSpan);
        subject.beatSpan = Math.min(subject.beatSpan * 2, settings.beatMax);
      }
      return due;
    },
  };
}
