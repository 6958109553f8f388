/** stop: the pod has been told to go, guarded by its uid. Its prestop hook and SIGTERM give it the grace to save its state. */
import { milliseconds } from "@shoal/shared/base/time.ts";
import { PROCESSOR_LIMITS } from "@shoal/shared/model/processor.ts";
import type { StepContext, StepResult } from "./context.ts";

export async function stop({ row, pods }: StepContext): Promise<StepResult> {
  if (row.podName === undefined) return { event: "pod-gone", again: milliseconds(0) };
  const answer = await pods.delete(row.namespace, row.podName, {
    grace: PROCESSOR_LIMITS.terminationGrace,
    ...(row.podUid === undefined ? {} : { uid: row.podUid }),
  });
  return answer === "gone"
    ? { event: "pod-gone", again: milliseconds(0) }
    : { event: "stopped", again: milliseconds(100) };
}
