/** The peer of a pass: reads every row and every pod, and compares them with the same rules. Returns how many actions it finds. */
import { sql } from "kysely";
import { casesOf } from "@shoal/functions/orchestrator/cases.ts";
import { reconcile } from "@shoal/shared/decide/reconcile.ts";
import { milliseconds } from "@shoal/shared/base/time.ts";
import type { Pods } from "@shoal/shared/ports/pods.ts";
import type { Worker } from "../../support/road/between.ts";
import { CLUSTER } from "../../support/road/seed.ts";

export async function listEverything(database: Worker, cluster: Pick<Pods, "observePods">): Promise<number> {
  const pods = await cluster.observePods({ since: undefined, quiet: milliseconds(0), atMost: milliseconds(0) });
  const { rows } = await database.asWorker((tx) =>
    sql<{ id: string }>`select id from processors where cluster_id = ${CLUSTER} and terminated_at is null`.execute(tx),
  );
  const cases = await casesOf(
    database,
    rows.map((row) => row.id),
    pods.changed,
  );
  return reconcile(cases, { drainingHosts: new Set(), podsTotal: pods.changed.length }).length;
}
