/** How a plan is told from that of its seed: what the environment of a replay says, and what a replay is to be told. */
import type { Plan } from "./plan.ts";

const NUMBERS = ["loss", "duplication", "breakage", "skewMs", "writeMs", "syncMs", "jitterMs", "latencyMs"] as const;

/** `KEEP`: ids of steps; `NODES`, `HOSTILE`; `WITHOUT`: faults, and `latencyMs` for the least. */
export function narrowed(plan: Plan, env: Readonly<Record<string, string | undefined>>): Plan {
  const { KEEP, NODES, HOSTILE, WITHOUT } = env;
  const kept = KEEP === undefined ? undefined : new Set(KEEP.split(",").filter(Boolean).map(Number));
  const without = WITHOUT?.split(",") ?? [];
  const calmer = NUMBERS.filter((name) => without.includes(name)).map((name) => [name, name === "latencyMs" ? 1 : 0]);
  return {
    ...plan,
    ...(kept === undefined ? {} : { steps: plan.steps.filter(({ id }) => kept.has(id)) }),
    ...(NODES === undefined ? {} : { nodes: Number(NODES) }),
    ...(HOSTILE === undefined ? {} : { hostile: Number(HOSTILE) }),
    ...Object.fromEntries(calmer),
  };
}

/** The environment that makes `small` of its seed's plan. */
export function replayOf(whole: Plan, small: Plan): string {
  const parts = [`SEED=${small.seed}`];
  if (small.steps.length < whole.steps.length) parts.push(`KEEP=${small.steps.map(({ id }) => id).join(",")}`);
  if (small.nodes !== whole.nodes) parts.push(`NODES=${small.nodes}`);
  if (small.hostile !== whole.hostile) parts.push(`HOSTILE=${small.hostile}`);
  const without = NUMBERS.filter((name) => small[name] !== whole[name]);
  if (without.length > 0) parts.push(`WITHOUT=${without.join(",")}`);
  return parts.join(" ");
}
