/** The simulator itself: a short run of it, that it repeats, and that it finds what it is there to find. */
import { describe, expect, test } from "vitest";
import { FAULTS } from "./mutants.ts";
import { alteredText } from "./plant.ts";
import { planOf } from "./plan.ts";
import { createPool } from "./pool.ts";
import { runPlan } from "./run.ts";
import { shrink } from "./shrink.ts";

const SEEDS = Array.from({ length: 30 }, (_, at) => at + 1);
/** Few nodes: many seeds in little time. */
const SMALL = { nodes: 4 };

describe("the simulation", () => {
  test("holds in thirty seeds", async () => {
    const pool = createPool();
    try {
      const verdicts = await Promise.all(SEEDS.map((seed) => pool.run(planOf(seed, SMALL))));
      expect(verdicts.flatMap(({ seed, failure }) => (failure === undefined ? [] : [{ seed, ...failure }]))).toEqual(
        [],
      );
    } finally {
      pool.close();
    }
  });

  test("is the same run every time, in this process and in another", async () => {
    const pool = createPool();
    try {
      for (const seed of [3, 9]) {
        const here = await runPlan(planOf(seed, SMALL));
        expect(here.events).toBeGreaterThan(100);
        expect((await runPlan(planOf(seed, SMALL))).hash).toBe(here.hash);
        expect((await pool.run(planOf(seed, SMALL))).hash).toBe(here.hash);
      }
      expect((await runPlan(planOf(4, SMALL))).hash).not.toBe((await runPlan(planOf(5, SMALL))).hash);
    } finally {
      pool.close();
    }
  });

  test("every planted fault has its place in the source", () => {
    for (const fault of FAULTS) expect(alteredText(fault)).toContain(fault.put);
    expect(new Set(FAULTS.map(({ name }) => name)).size).toBe(FAULTS.length);
    expect(() => alteredText({ ...FAULTS[0]!, find: "text that is nowhere" })).toThrow(/0 times/);
  });

  test.each(["delta-heads", "delta-own-head", "delta-parents"])("finds %s", async (name) => {
    const pool = createPool(name);
    try {
      let found: string | undefined;
      for (let seed = 1; seed <= 20 && found === undefined; seed += pool.size) {
        const seeds = Array.from({ length: pool.size }, (_, at) => seed + at);
        const verdicts = await Promise.all(seeds.map((each) => pool.run(planOf(each, SMALL))));
        found = verdicts.find(({ failure }) => failure !== undefined)?.failure?.invariant;
      }
      expect(found).toBeDefined();
    } finally {
      pool.close();
    }
  });

  test("a failure is made small", async () => {
    const plan = planOf(1, { nodes: 6 });
    const guilty = plan.steps[7]!.id;
    const fails = async ({ steps, nodes }: typeof plan): Promise<boolean> =>
      nodes >= 3 && steps.some(({ id }) => id === guilty);
    const small = await shrink(plan, { fails, runs: 200 });
    expect(small.steps.map(({ id }) => id)).toEqual([guilty]);
    expect(small).toMatchObject({ nodes: Math.max(3, 2 + small.hostile), loss: 0, skewMs: 0 });
  });
});
