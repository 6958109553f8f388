/**
 * One step of one processor. What a person or the world asks for comes first (a deletion, a changed intent); otherwise the
 * stage's own file acts. A step is a no-op once its condition is true, so running it twice, or again after a crash at any
 * line, is harmless. It returns data only; the engine commits it, fenced.
 */
import type { Pods } from "@shoal/shared/ports/pods.ts";
import type { Condition } from "@shoal/shared/model/condition.ts";
import type {
  HealthStatus,
  ProcessorConditionType,
  ProcessorEvent,
  ProcessorStage,
} from "@shoal/shared/model/processor.ts";
import { STAGE_DEADLINE } from "@shoal/shared/model/processor.ts";
import { since, type DurationMs, type Timestamp } from "@shoal/shared/base/time.ts";
import type { Placer } from "../placer.ts";
import { accept } from "./accept.ts";
import { create } from "./create.ts";
import { place } from "./place.ts";
import { ready } from "./ready.ts";
import { running } from "./running.ts";
import { stop } from "./stop.ts";
import { remove } from "./remove.ts";
import { gone } from "./gone.ts";
import { failed } from "./failed.ts";
import { intentOf, type ProcessorRow } from "./row.ts";

export interface StepContext {
  readonly row: ProcessorRow;
  readonly now: Timestamp;
  readonly pods: Pods;
  readonly placer: Placer;
  readonly imagePullSecret: string;
}

/** What a step found out and wants written. */
export interface StepResult {
  /** Moves the stage along `PROCESSOR_TRANSITIONS`; absent: the stage stays. */
  readonly event?: ProcessorEvent;
  /** Set where the step has committed the transition itself (placement does, under its lock). */
  readonly committed?: true;
  /** Look again after this; absent: nothing more to do until somebody knocks. */
  readonly again?: DurationMs;
  readonly condition?: Omit<Condition<ProcessorConditionType>, "since" | "observedGeneration">;
  readonly patch?: RowPatch;
  /** Ends or advances the operations that wait for this generation. */
  readonly operation?:
    | { readonly state: "running" | "succeeded" }
    | { readonly state: "failed"; readonly code: string; readonly message: string };
  /** Tells the event feed. */
  readonly notice?: { readonly kind: string; readonly reason: string; readonly message: string };
}

/** Columns that a step may set; null clears. */
export interface RowPatch {
  readonly observedGeneration?: number;
  readonly podName?: string | null;
  readonly podUid?: string | null;
  readonly podIp?: string | null;
  readonly hostName?: string | null;
  readonly specHash?: string | null;
  readonly healthStatus?: HealthStatus;
  readonly terminated?: true;
  /** Gives the reserved capacity back. */
  readonly released?: true;
  /** Closes the activation of the present epoch. */
  readonly deactivated?: true;
}

const STAGES: Record<ProcessorStage, (context: StepContext) => Promise<StepResult> | StepResult> = {
  accept,
  place,
  create,
  ready,
  running,
  stop,
  delete: remove,
  gone,
  failed,
};

export async function step(context: StepContext): Promise<StepResult> {
  return interruption(context.row) ?? (await STAGES[context.row.stage](context));
}

/** A deletion or a changed intent, where the stage has to be left for it. */
function interruption(row: ProcessorRow): StepResult | undefined {
  if (row.deletionRequested && row.stage !== "stop" && row.stage !== "delete" && row.stage !== "gone") {
    return {
      event: "delete-requested",
      again: 0 as DurationMs,
      condition: { type: "Ready", status: "False", reason: "Deleting", message: "deletion was requested" },
      operation: { state: "running" },
      notice: { kind: "processor.stopping", reason: "Deleting", message: "deletion was requested" },
    };
  }
  const hasPod = row.stage === "create" || row.stage === "ready" || row.stage === "running";
  if (!hasPod) return undefined;
  const current = intentOf(row);
  if (current.ok && current.hash === row.specHash) return undefined;
  const message = current.ok ? "the configuration changed" : current.message;
  return {
    event: "changed",
    again: 0 as DurationMs,
    condition: { type: "Ready", status: "False", reason: "Changed", message },
    operation: { state: "running" },
    notice: { kind: "processor.replacing", reason: "Changed", message },
  };
}

/** Whether the stage has lasted longer than its deadline. */
export function overdue({ row, now }: StepContext): boolean {
  const deadline = STAGE_DEADLINE[row.stage];
  return deadline !== undefined && since(now, row.stageSince) > deadline;
}

/** How long to wait before looking again: short at first, since most pods are quick, then longer. */
export function pollDelay({ row, now }: StepContext): DurationMs {
  const age = since(now, row.stageSince);
  return Math.min(5000, Math.max(200, age / 8)) as DurationMs;
}
