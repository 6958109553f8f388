/**
 * What is levelled, and how each stands: which peers may have more, when it failed last, when its next heartbeat is due. One
 * subject is levelled with one peer at a time; many subjects at once.
 */
import type { KeyScope } from "../governance/replication.ts";
import type { PeerId } from "../network/contract.ts";
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
  /** Monotonic ms of the next digest, and what is added for the one after it. */
  beatAt: number;
  beatSpan: number;
  lastBeat: number;
  /** The last session ended apart: same deltas, another root. */
  apart: boolean;
  /** Whoever waits for the subject to be levelled once. */
  waiters: Set<(failed: unknown) => void>;
}

export const keyOfScope = (scope: KeyScope): string =>
  scope.type === "context" ? contextTopic(scope.contextId) : namespaceTopic(scope.namespaceId);

export function newSubject(scope: KeyScope, beatAt: number, beatSpan: number): Subject {
  return {
    scope,
    topic: keyOfScope(scope),
    wished: new Set(),
    running: false,
    failures: 0,
    lastError: undefined,
    retryAt: 0,
    beatAt,
    beatSpan,
    lastBeat: 0,
    apart: false,
    waiters: new Set(),
  };
}
