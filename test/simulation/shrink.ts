/** Makes a failing plan small: fewer steps, fewer nodes, fewer faults, as long as it still fails in the same way. */
import type { Plan } from "./plan.ts";

export interface ShrinkInit {
  /** Whether a plan fails in the way that is looked for. */
  readonly fails: (plan: Plan) => Promise<boolean>;
  /** Runs that may be spent. */
  readonly runs: number;
}

export async function shrink(plan: Plan, { fails, runs }: ShrinkInit): Promise<Plan> {
  let best = plan;
  let left = runs;
  const tries = async (candidate: Plan): Promise<boolean> => {
    if (left <= 0) return false;
    left -= 1;
    if (!(await fails(candidate))) return false;
    best = candidate;
    return true;
  };
  for (;;) {
    const before = best;
    await fewerSteps(() => best, tries);
    await fewerNodes(() => best, tries);
    await fewerFaults(() => best, tries);
    if (best === before) return best;
  }
}

type Try = (candidate: Plan) => Promise<boolean>;

/** Leaves out runs of steps, long ones first. */
async function fewerSteps(best: () => Plan, tries: Try): Promise<void> {
  for (let length = Math.ceil(best().steps.length / 2); length >= 1; length = Math.floor(length / 2)) {
    for (let at = 0; at < best().steps.length;) {
      const steps = best().steps.toSpliced(at, length);
      if (!(await tries({ ...best(), steps }))) at += length;
    }
  }
}

async function fewerNodes(best: () => Plan, tries: Try): Promise<void> {
  if (best().hostile > 0) await tries({ ...best(), hostile: 0 });
  for (let nodes = best().nodes - 1; nodes >= 2 + best().hostile; nodes--) {
    if (!(await tries({ ...best(), nodes }))) return;
  }
}

const WITHOUT: readonly Partial<Plan>[] = [
  { loss: 0 },
  { duplication: 0 },
  { breakage: 0 },
  { skewMs: 0 },
  { writeMs: 0, syncMs: 0 },
  { jitterMs: 0 },
  { latencyMs: 1 },
];

async function fewerFaults(best: () => Plan, tries: Try): Promise<void> {
  for (const without of WITHOUT) {
    const names = Object.keys(without) as (keyof Plan)[];
    if (names.some((name) => best()[name] !== without[name])) await tries({ ...best(), ...without });
  }
}
