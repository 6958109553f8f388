import { describe, expect, it } from "vitest";
import {
  nextStage,
  PROCESSOR_STAGES,
  PROCESSOR_TRANSITIONS,
  STAGE_DEADLINE,
  statusOf,
  type ProcessorEvent,
  type ProcessorStage,
} from "@shoal/shared/model/processor.ts";

const EVENTS: readonly ProcessorEvent[] = [
  "accepted",
  "rejected",
  "placed",
  "created",
  "became-ready",
  "changed",
  "lost",
  "timed-out",
  "stopped",
  "pod-gone",
  "delete-requested",
];

/** Stages reachable from `start` by any events. */
function reachable(start: ProcessorStage, deletionRequested: boolean): Set<ProcessorStage> {
  const seen = new Set<ProcessorStage>([start]);
  for (const stage of seen) for (const event of EVENTS) seen.add(nextStage(stage, event, deletionRequested));
  return seen;
}

describe("processor stages", () => {
  it("lead to gone from every stage once deletion is requested", () => {
    for (const stage of PROCESSOR_STAGES) expect(reachable(stage, true)).toContain("gone");
  });

  it("lead to running from every stage but gone", () => {
    for (const stage of PROCESSOR_STAGES) {
      if (stage !== "gone") expect(reachable(stage, false)).toContain("running");
    }
  });

  it("never leave gone, and never reach it unless deletion was requested", () => {
    expect(PROCESSOR_TRANSITIONS.gone).toEqual({});
    for (const stage of PROCESSOR_STAGES) if (stage !== "gone") expect(reachable(stage, false)).not.toContain("gone");
  });

  it("have a deadline in every transitional stage, and none where a processor may stay", () => {
    const settled = PROCESSOR_STAGES.filter((stage) => STAGE_DEADLINE[stage] === undefined);
    expect(settled).toEqual(["running", "gone", "failed"]);
  });

  it("accept a request to delete wherever they are", () => {
    for (const stage of PROCESSOR_STAGES) {
      if (stage === "gone" || stage === "stop") continue;
      expect(PROCESSOR_TRANSITIONS[stage]["delete-requested"]).toBeDefined();
    }
  });

  it("each have one word for lists", () => {
    expect(new Set(PROCESSOR_STAGES.map(statusOf))).toEqual(
      new Set(["pending", "starting", "running", "stopping", "terminated", "failed"]),
    );
  });
});
