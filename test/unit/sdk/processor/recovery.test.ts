/** How a processor starts, and what it forgets. */
import { describe, expect, test } from "vitest";
import { decideRecovery, type RecoveryFacts } from "@shoal/processor/recovery/decide.ts";
import { afterStart, goldenBackoff, isAlert, RAPID_WITHIN } from "@shoal/processor/recovery/history.ts";
import { RESET_LEVELS, RESET_STEPS } from "@shoal/processor/recovery/reset.ts";
import { seconds, timestamp } from "@shoal/shared/base/time.ts";

const FACTS: RecoveryFacts = {
  kept: "readable",
  keptEpoch: 2,
  ownEpoch: 2,
  migrating: false,
  restarts: 0,
  goldenAt: 3,
  backoff: seconds(10),
  goldenAllowed: true,
};
const CASES: readonly (readonly [string, Partial<RecoveryFacts>, string])[] = [
  ["nothing kept", { kept: "none" }, "fresh"],
  ["nothing kept, though it is being moved", { kept: "none", migrating: true }, "fresh"],
  ["kept, nothing died", {}, "restore"],
  ["kept by the epoch before", { keptEpoch: 1 }, "restore"],
  ["kept, died below the threshold", { restarts: 2 }, "restore"],
  ["died at the threshold", { restarts: 3 }, "golden"],
  ["died at the threshold with nothing kept", { restarts: 3, kept: "none" }, "golden"],
  ["died at the threshold, but insists", { restarts: 3, goldenAllowed: false }, "restore"],
  ["died often, but is being moved", { restarts: 9, migrating: true }, "restore"],
  ["corrupt", { kept: "corrupt" }, "golden"],
  ["corrupt, insists on its state", { kept: "corrupt", goldenAllowed: false, restarts: 3 }, "golden"],
  ["kept by a later epoch", { keptEpoch: 3 }, "superseded"],
  ["kept by a later epoch, though it is being moved", { keptEpoch: 3, migrating: true, restarts: 9 }, "superseded"],
];

describe("a start", () => {
  test.each(CASES)("%s", (_, facts, start) => {
    const recovery = decideRecovery({ ...FACTS, ...facts });
    expect(recovery.start).toBe(start);
    expect(recovery.because).not.toBe("");
  });

  test("waits only where it died too often: 10 s, doubled, 300 s at the most", () => {
    expect(decideRecovery(FACTS).wait).toBe(0);
    expect(decideRecovery({ ...FACTS, restarts: 4 }).wait).toBe(20_000);
    const waits = [3, 4, 5, 6, 7, 8, 9, 1000].map((restarts) => goldenBackoff(restarts, 3, seconds(10)) / 1000);
    expect(waits).toEqual([10, 20, 40, 80, 160, 300, 300, 300]);
  });

  test("counts as a restart in rapid succession only soon after the one before", () => {
    const at = timestamp(1_000_000);
    const first = afterStart(undefined, at);
    expect(first).toEqual({ restarts: 0, startedAt: at });
    const second = afterStart(first, timestamp(at + RAPID_WITHIN - 1));
    expect(second.restarts).toBe(1);
    expect(afterStart(second, timestamp(second.startedAt + RAPID_WITHIN)).restarts).toBe(0);
    // A golden start's own pause must not make its restart look like a late one.
    expect(RAPID_WITHIN).toBeGreaterThan(goldenBackoff(1000, 3, seconds(10)));
  });

  test("is told to people at the threshold and at every third after it", () => {
    expect([1, 2, 3, 4, 5, 6, 7, 8, 9].filter((restarts) => isAlert(restarts, 3))).toEqual([3, 6, 9]);
  });
});

test("each reset level does what the one before does and one thing more", () => {
  const steps = RESET_LEVELS.map((level) => RESET_STEPS[level]);
  expect(steps.map((of) => of.length)).toEqual([1, 2, 3, 4]);
  for (const [index, of] of steps.entries()) expect(steps[index + 1]?.slice(0, of.length) ?? of).toEqual(of);
});
