/**
 * How the parts of the control plane are, judged by what they leave in the database: functions have no process that could be
 * asked. Each judgement carries its because.
 */
import { minutes } from "@shoal/shared/base/time.ts";
import type { Facts } from "./facts.ts";

export const COMPONENTS = ["database", "kubernetes", "watcher", "reconciler"] as const;
export type Component = (typeof COMPONENTS)[number];

export interface Judgement {
  readonly state: "healthy" | "unhealthy" | "unknown";
  readonly because: string;
}

/** The database takes transactions and has this code's schema, or else why not. */
export type Readiness = { readonly ready: true } | { readonly ready: false; readonly because: string };

/** A quiet pass writes each tenth minute, when it compares everything; two minutes more are slots that were late. */
const PASS_SECONDS_AT_MOST = minutes(12) / 1000;
/** A change waits for the next slot at most, or for the oldest transaction to end. */
const LAG_SECONDS_AT_MOST = minutes(5) / 1000;

const healthy = (because: string): Judgement => ({ state: "healthy", because });
const unhealthy = (because: string): Judgement => ({ state: "unhealthy", because });
const UNKNOWN: Judgement = { state: "unknown", because: "the database did not tell" };

/** `facts` undefined: they could not be had. */
export function judgeComponents(
  readiness: Readiness,
  facts: Facts | undefined,
): Readonly<Record<Component, Judgement>> {
  return {
    database: readiness.ready ? healthy("it answers and has this code's schema") : unhealthy(readiness.because),
    kubernetes: facts === undefined ? UNKNOWN : kubernetes(facts),
    watcher: facts === undefined ? UNKNOWN : watcher(facts),
    reconciler: facts === undefined ? UNKNOWN : reconciler(facts),
  };
}

function kubernetes({ passes, hosts }: Facts): Judgement {
  const compared = passes.ages.every(({ fullSeconds = Infinity }) => fullSeconds <= PASS_SECONDS_AT_MOST);
  if (passes.ages.length === 0 || !compared) return unhealthy("no pass has read the whole cluster of late");
  return hosts.ready > 0 ? healthy(`${hosts.ready} hosts are ready`) : unhealthy("no host is ready");
}

function watcher({ passes }: Facts): Judgement {
  if (passes.ages.length === 0) return unhealthy("no pass has ever been made");
  const lag = Math.max(...passes.ages.map(({ lagSeconds }) => lagSeconds));
  if (lag > LAG_SECONDS_AT_MOST) return unhealthy(`a change has waited for ${Math.round(lag)} s to be looked at`);
  return healthy("changes are looked at");
}

function reconciler({ passes }: Facts): Judgement {
  if (passes.ages.length === 0 || passes.clustersWithout > 0) return unhealthy("a cluster has never had a pass");
  const age = Math.max(...passes.ages.map(({ seconds }) => seconds));
  return age > PASS_SECONDS_AT_MOST
    ? unhealthy(`the last pass ended ${Math.round(age)} s ago`)
    : healthy("passes are made");
}
