/**
 * place: capacity is set aside, and with it the epoch, the pod's name and the spec hash enter the row, before anything is
 * created outside ("own before you create"). The placer commits all of that under the cluster's placement lock.
 */
import { milliseconds, type DurationMs } from "@shoal/shared/base/time.ts";
import { overdue, type StepContext, type StepResult } from "./context.ts";
import type { ProcessorRow } from "./row.ts";

/** Longer than a run of the dispatcher lingers for: a cluster without hosts keeps no run alive. */
const AFTER_NO_HOSTS = milliseconds(5000);

/** Delay before the next pod after `failures` of them in ten minutes: 2, 4, 8 .. 300 s. */
const damping = (failures: number): number => (failures === 0 ? 0 : Math.min(300_000, 1000 * 2 ** failures));

/** So many pods failed one after the other that whoever waits is told. */
const TELL_AFTER_FAILURES = 5;

export async function place(context: StepContext): Promise<StepResult> {
  const { row, now, placer, traceId } = context;
  const wait = row.stageSince + damping(row.recentFailures) - now;
  if (wait > 0) return backOff(row, milliseconds(wait));
  const placed = await placer.place(row, traceId);
  switch (placed.kind) {
    case "placed":
    case "moved-on":
      return { committed: true, again: milliseconds(0) };
    case "unsatisfiable":
      return {
        event: "rejected",
        condition: { type: "Placed", status: "False", reason: "Unsatisfiable", message: placed.because },
        patch: { observedGeneration: row.generation },
        operation: { state: "failed", code: "unsatisfiable", message: placed.because },
        notice: { kind: "processor.failed", reason: "Unsatisfiable", message: placed.because },
      };
    case "no-hosts":
      return {
        again: AFTER_NO_HOSTS,
        condition: { type: "Placed", status: "False", reason: "NoHostsKnown", message: placed.because },
        // Whoever waits is told; the processor goes on waiting, since hosts may come yet.
        ...(overdue(context)
          ? { operation: { state: "failed", code: "deadline_exceeded", message: placed.because } }
          : {}),
      };
  }
}

/** The processor goes on trying, whatever whoever waits has been told. */
function backOff({ recentFailures, conditions }: ProcessorRow, again: DurationMs): StepResult {
  const last = conditions.find(({ type }) => type === "Ready")?.message ?? "no reason was given";
  const message = `${recentFailures} pods failed in the last ten minutes, the last one: ${last}`;
  return {
    again,
    condition: { type: "Placed", status: "False", reason: "BackingOff", message },
    ...(recentFailures < TELL_AFTER_FAILURES ? {} : { operation: { state: "failed", code: "unavailable", message } }),
  };
}
