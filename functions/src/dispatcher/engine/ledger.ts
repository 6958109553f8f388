/**
 * What one run has leased, until when, and what became of it. Leases are counted on our own monotonic clock from before they
 * were asked for, so ours ends before the database's does. A task is known by its lease, not by its row: a row may be
 * leased again by the same run before the end of its last lease was told.
 */
import type { Log } from "@shoal/shared/base/log.ts";
import type { DurationMs } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Task } from "../../store/tasks/statements.ts";
import type { Finished, Settlement } from "./completions.ts";
import type { Ended } from "./outcome.ts";

/** How tasks ended: recorded under their outcome, void (due again, without effects), or lost to another holder. */
export type Count = Ended | "voided" | "lost";

export interface EngineMetrics {
  claimed(count: number): void;
  settled(kind: string, as: Count): void;
}

export interface Ledger {
  readonly held: number;
  readonly claimed: number;
  readonly counts: Readonly<Record<Count, number>>;
  take(tasks: readonly Task[], leasedUntil: number): void;
  settle(finished: Finished, how: Settlement): void;
  mayHold(task: Task): boolean;
  /** Tasks whose lease is used up by a third or more. */
  toExtend(): readonly Task[];
  extended(task: Task, leasedUntil: number): void;
}

export function createLedger(
  options: { readonly clock: Clock; readonly leaseMs: DurationMs; readonly log: Log },
  metrics: EngineMetrics | undefined,
): Ledger {
  const { clock, leaseMs, log } = options;
  const leases = new Map<Task, number>();
  const counts = { done: 0, requeued: 0, retried: 0, failed: 0, released: 0, voided: 0, lost: 0 };
  let claimed = 0;
  return {
    get held() {
      return leases.size;
    },
    get claimed() {
      return claimed;
    },
    counts,
    take: (tasks, leasedUntil) => {
      for (const task of tasks) leases.set(task, leasedUntil);
      claimed += tasks.length;
      metrics?.claimed(tasks.length);
    },
    settle: ({ task, ended }, how) => {
      leases.delete(task);
      const as = how === "recorded" ? ended : how;
      counts[as] += 1;
      metrics?.settled(task.kind, as);
      if (as === "lost") log.warn({ kind: task.kind, key: task.key }, "a task was no longer leased when it ended");
    },
    mayHold: (task) => (leases.get(task) ?? 0) > clock.monotonic(),
    toExtend: () => {
      const before = clock.monotonic() + (leaseMs * 2) / 3;
      return [...leases].filter(([, leasedUntil]) => leasedUntil < before).map(([task]) => task);
    },
    extended: (task, leasedUntil) => {
      if (leases.has(task)) leases.set(task, leasedUntil);
    },
  };
}
