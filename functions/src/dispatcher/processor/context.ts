/** What a stage is given and what it returns: the vocabulary of all stages. */
import type { Condition } from "@shoal/shared/model/condition.ts";
import {
  STAGE_DEADLINE,
  type HealthStatus,
  type ProcessorConditionType,
  type ProcessorEvent,
} from "@shoal/shared/model/processor.ts";
import type { ShoalError } from "@shoal/shared/base/errors.ts";
import { since, type DurationMs, type Timestamp } from "@shoal/shared/base/time.ts";
import type { ObservedPod, Pods } from "@shoal/shared/ports/pods.ts";
import type { Placer } from "../placer.ts";
import type { ProcessorRow } from "./row.ts";

export interface StepContext {
  readonly row: ProcessorRow;
  readonly now: Timestamp;
  readonly pods: Pods;
  readonly placer: Placer;
  readonly imagePullSecret: string;
  /** Of the request that asked for it. */
  readonly traceId: string | undefined;
}

/** What a step found out and wants written. */
export interface StepResult {
  /** Moves the stage along `PROCESSOR_TRANSITIONS`; absent: the stage stays. */
  readonly event?: ProcessorEvent;
  /** Set where the step has committed the transition itself (placement does, under its lock). */
  readonly committed?: true;
  /** Look again after this; absent: nothing more to do until somebody knocks. */
  readonly again?: DurationMs;
  /** It did not work this time: look again with growing delays. What else is said is written all the same. */
  readonly retry?: ShoalError;
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

/** The pod of the row's name, if it is there and is the processor's under the present epoch. */
export async function ownPod({ row, pods }: StepContext): Promise<ObservedPod | undefined> {
  const pod = row.podName === undefined ? undefined : await pods.get(row.namespace, row.podName);
  return pod?.processorId === row.id && pod.epoch === row.epoch ? pod : undefined;
}
