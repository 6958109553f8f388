/** gone: what accompanied the pods is removed, and the row closes. */
import type { StepContext, StepResult } from "./context.ts";

export async function gone({ row, pods }: StepContext): Promise<StepResult> {
  await pods.forget(row.namespace, row.id);
  return {
    condition: { type: "Ready", status: "False", reason: "Terminated", message: "deleted" },
    patch: { terminated: true, observedGeneration: row.generation },
    operation: { state: "succeeded" },
    notice: { kind: "processor.terminated", reason: "Deleted", message: "processor is gone" },
  };
}
