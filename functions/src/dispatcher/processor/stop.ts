/**
 * stop: the pod is told to go. Its prestop hook and SIGTERM give it the grace to save its state. It is looked up first: the name
 * may be taken by a pod that is not ours, or the answer to the creation was lost, and with it the uid that guards the deletion.
 */
import { milliseconds } from "@shoal/shared/base/time.ts";
import { PROCESSOR_LIMITS } from "@shoal/shared/model/processor.ts";
import { ownPod, type StepContext, type StepResult } from "./context.ts";

export async function stop(context: StepContext): Promise<StepResult> {
  const { row, pods } = context;
  const pod = await ownPod(context);
  if (pod === undefined) return { event: "pod-gone", again: milliseconds(0) };
  const answer = await pods.delete(row.namespace, pod.name, {
    grace: PROCESSOR_LIMITS.terminationGrace,
    uid: pod.uid,
  });
  return answer === "gone"
    ? { event: "pod-gone", again: milliseconds(0) }
    : { event: "stopped", again: milliseconds(100) };
}
