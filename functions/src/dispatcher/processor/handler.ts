/**
 * A task of kind `processor`: one step of the processor of that id, and what the step found out as effects. They commit with
 * the task's end in one fenced statement, guarded by the stage and epoch that the step saw.
 */
import type { Log } from "@shoal/shared/base/log.ts";
import type { Pods } from "@shoal/shared/ports/pods.ts";
import { withCondition } from "@shoal/shared/model/condition.ts";
import { nextStage, statusOf, type ProcessorStage } from "@shoal/shared/model/processor.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { ProductionEffect } from "../../store/tasks/effects/index.ts";
import type { ProcessorPatch } from "../../store/tasks/effects/processor-progress.ts";
import type { Statements, Task } from "../../store/tasks/statements.ts";
import { withRows, type Handled, type Handler } from "../engine/handler.ts";
import type { Outcome } from "../engine/outcome.ts";
import type { Placer } from "../placer.ts";
import { loadRows } from "./load.ts";
import type { ProcessorRow } from "./row.ts";
import type { RowPatch, StepResult } from "./context.ts";
import { step } from "./step.ts";

export interface ProcessorHandlerInit {
  readonly database: Statements;
  readonly pods: Pods;
  readonly placer: Placer;
  readonly clock: Pick<Clock, "now">;
  readonly log: Log;
  readonly imagePullSecret: string;
}

/** Kind of the task whose key is a processor's id. */
export const PROCESSOR_TASK = "processor";

export function processorHandler(init: ProcessorHandlerInit): Handler {
  const { database, pods, placer, clock, log, imagePullSecret } = init;
  return withRows<ProcessorRow>(
    (tasks) =>
      loadRows(
        database,
        tasks.map((task) => task.key),
        { withTerminated: false },
      ),
    async (task, row) => {
      if (row === undefined) return { outcome: { kind: "done" }, effects: [] };
      const now = clock.now();
      const result = await step({ row, now, pods, placer, imagePullSecret, traceId: task.traceId });
      // What the feed is told is told to the log as well, under the trace of the request that asked for it.
      if (result.notice !== undefined)
        log.info({ processor: row.id, stage: row.stage, traceId: task.traceId }, result.notice.message);
      return handledOf(task, row, result, now);
    },
  );
}

type Now = ReturnType<Clock["now"]>;

export function handledOf(task: Task, row: ProcessorRow, result: StepResult, now: Now): Handled {
  const outcome = outcomeOf(result);
  if (result.committed === true) return { outcome, effects: [] };
  const stage = result.event === undefined ? row.stage : nextStage(row.stage, result.event, row.deletionRequested);
  const effects: ProductionEffect[] = [];
  const patch = patchOf(row, result, stage, now);
  if (Object.keys(patch).length > 0) {
    effects.push({
      kind: "processor-progress",
      processorId: row.id,
      seenGeneration: row.generation,
      expectedEpoch: row.epoch,
      expectedStage: row.stage,
      patch,
    });
  }
  if (result.patch?.deactivated === true && row.epoch > 0)
    effects.push({ kind: "activation-closed", processorId: row.id, epoch: row.epoch });
  if (result.operation !== undefined) effects.push(operationOf(row, result.operation));
  if (result.notice !== undefined) effects.push(noticeOf(task, row, result.notice));
  return { outcome, effects };
}

function outcomeOf({ again, retry }: StepResult): Outcome {
  if (retry !== undefined) return { kind: "retry", cause: retry };
  return again === undefined ? { kind: "done" } : { kind: "requeue", after: again };
}

function patchOf(row: ProcessorRow, result: StepResult, stage: ProcessorStage, now: Now): ProcessorPatch {
  const { condition, patch } = result;
  const conditions =
    condition === undefined
      ? row.conditions
      : withCondition(row.conditions, { ...condition, observedGeneration: row.generation }, now);
  return {
    ...(stage === row.stage ? {} : { stage, status: statusOf(stage) }),
    ...(conditions === row.conditions ? {} : { conditions }),
    ...(stage === "running" && row.observedGeneration !== row.generation ? { observedGeneration: row.generation } : {}),
    ...(patch === undefined ? {} : columnsOf(patch)),
  };
}

/** What a step may set, in the words of the row. */
function columnsOf({ released, deactivated, terminated, healthStatus, ...same }: RowPatch): ProcessorPatch {
  void deactivated; // an effect of its own
  return {
    ...same,
    ...(healthStatus === undefined ? {} : { healthStatus, healthChecked: true }),
    ...(released === true ? { reservedCpuMilli: 0, reservedMemoryMib: 0, reservedGpu: 0 } : {}),
    ...(terminated === true ? { terminated: true } : {}),
  };
}

function operationOf(row: ProcessorRow, operation: NonNullable<StepResult["operation"]>): ProductionEffect {
  return {
    kind: "operation-progress",
    resourceId: row.id,
    upToGeneration: row.generation,
    state: operation.state,
    ...(operation.state === "failed" ? { errorCode: operation.code, errorMessage: operation.message } : {}),
  };
}

function noticeOf(task: Task, row: ProcessorRow, notice: NonNullable<StepResult["notice"]>): ProductionEffect {
  return {
    kind: "event",
    organisationId: row.organisationId,
    eventKind: notice.kind,
    resourceKind: "processor",
    resourceId: row.id,
    generation: row.generation,
    reason: notice.reason,
    message: notice.message,
    traceId: task.traceId,
  };
}
