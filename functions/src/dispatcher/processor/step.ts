/**
 * One step of one processor. What a person or the world asks for comes first (a deletion, a changed intent); otherwise the
 * stage's own file acts. A step is a no-op once its condition is true, so running it twice, or again after a crash at any
 * line, is harmless. It returns data only; the engine commits it, fenced.
 */
import type { ProcessorStage } from "@shoal/shared/model/processor.ts";
import { milliseconds } from "@shoal/shared/base/time.ts";
import type { StepContext, StepResult } from "./context.ts";
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
      again: milliseconds(0),
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
    again: milliseconds(0),
    condition: { type: "Ready", status: "False", reason: "Changed", message },
    operation: { state: "running" },
    notice: { kind: "processor.replacing", reason: "Changed", message },
  };
}
