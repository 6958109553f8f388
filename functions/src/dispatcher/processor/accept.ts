/** accept: the intent stands for a pod. What can never run is refused here, with the field that is wrong. */
import { milliseconds } from "@shoal/shared/base/time.ts";
import { intentOf } from "./row.ts";
import type { StepContext, StepResult } from "./context.ts";

export function accept({ row }: StepContext): StepResult {
  const current = intentOf(row);
  if (!current.ok) {
    return {
      event: "rejected",
      condition: { type: "Accepted", status: "False", reason: current.reason, message: current.message },
      patch: { observedGeneration: row.generation },
      operation: { state: "failed", code: "invalid_argument", message: current.message },
      notice: { kind: "processor.failed", reason: current.reason, message: current.message },
    };
  }
  return {
    event: "accepted",
    again: milliseconds(0),
    condition: { type: "Accepted", status: "True", reason: "Valid", message: `version ${current.intent.version}` },
    operation: { state: "running" },
  };
}
