/** failed: it cannot run as asked. A changed intent, or hosts that could hold it after all, bring it back on the road. */
import { milliseconds } from "@shoal/shared/base/time.ts";
import type { StepContext, StepResult } from "./context.ts";

export async function failed({ row, placer }: StepContext): Promise<StepResult> {
  if (row.generation !== row.observedGeneration) return { event: "changed", again: milliseconds(0) };
  const placed = row.conditions.find((condition) => condition.type === "Placed");
  if (placed?.reason !== "Unsatisfiable" || !(await placer.couldHold(row))) return {};
  return {
    event: "changed",
    again: milliseconds(0),
    notice: { kind: "processor.replacing", reason: "HostsChanged", message: "a host could hold it now" },
  };
}
