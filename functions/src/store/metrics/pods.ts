/** Pods as the last passes saw them, by phase. A scan of `observed_pods`, which holds what exists now and nothing else. */
import { sql } from "kysely";
import type { ObservedPod } from "@shoal/shared/ports/pods.ts";
import type { Tx } from "../database.ts";

type Phase = ObservedPod["phase"];

export interface PodTotals {
  readonly byPhase: Readonly<Record<Phase, number>>;
  readonly ready: number;
}

export async function podTotals(tx: Tx): Promise<PodTotals> {
  const { rows } = await sql<{ phase: Phase; all: string; ready: string }>`
    select phase, count(*) as all, count(*) filter (where ready) as ready from observed_pods group by phase`.execute(
    tx,
  );
  const byPhase: Record<Phase, number> = { Pending: 0, Running: 0, Succeeded: 0, Failed: 0, Unknown: 0 };
  let ready = 0;
  for (const row of rows) {
    byPhase[row.phase] = Number(row.all);
    ready += Number(row.ready);
  }
  return { byPhase, ready };
}
