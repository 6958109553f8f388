/** What has to be true once nothing is killed any more: desired equals observed, in both directions, and nothing happened twice. */
import type { Pool } from "pg";
import type { Client } from "@shoal/client/index.ts";
import type { KubernetesClient } from "@shoal/functions/adapters/kubernetes/client.ts";
import { listObjects } from "@shoal/functions/adapters/kubernetes/list.ts";
import { PODS } from "@shoal/functions/adapters/kubernetes/resources.ts";
import type { Processor } from "@shoal/shared/wire/endpoints/processors.ts";
import { podProcesses } from "./processes.ts";

export interface VerdictInit {
  readonly client: Client;
  readonly kubernetes: KubernetesClient;
  readonly sql: Pool;
  readonly namespace: string;
  readonly dataDir: string;
}

/** What is not settled yet; empty once the world is as it was asked for. */
export async function unsettled(init: VerdictInit): Promise<readonly string[]> {
  const processors: Processor[] = [];
  for await (const each of init.client.items("processors.list", { query: { limit: 100 } })) processors.push(each);
  const live = processors.filter((each) => each.status !== "terminated");
  const problems = live.flatMap((each) => {
    if (each.deletion_requested_at !== null) return [`${each.name} is to go and is ${each.stage}`];
    if (each.status !== "running" || each.observed_generation !== each.generation || each.health_status !== "healthy")
      return [`${each.name} is ${each.stage}/${each.health_status}, ${each.observed_generation} of ${each.generation}`];
    return [];
  });
  const wanted = new Set(live.map((each) => each.pod_name));
  const pods = await podNames(init);
  const processes = new Set((await podProcesses(init.dataDir)).map(({ podName }) => podName));
  for (const name of pods) if (!wanted.has(name)) problems.push(`pod ${name} belongs to no processor`);
  for (const name of wanted) if (name !== null && !pods.has(name)) problems.push(`pod ${name} is not there`);
  for (const name of processes) if (!pods.has(name)) problems.push(`a process of pod ${name} is an orphan`);
  for (const name of pods) if (!processes.has(name)) problems.push(`pod ${name} has no process`);
  const open = await init.sql.query<{ count: string }>(
    "select count(*) from operations where state in ('pending', 'running')",
  );
  if (open.rows[0]?.count !== "0") problems.push(`${open.rows[0]?.count} operations are open`);
  return problems;
}

async function podNames(init: VerdictInit): Promise<ReadonlySet<string>> {
  const { items } = await listObjects(init.kubernetes, PODS, {
    namespace: init.namespace,
    labelSelector: "managed-by=dory-orchestrator",
    project: (pod) => pod.metadata.name,
  });
  return new Set(items);
}

/** Rows that only a second effect of one task can have made. */
export async function doubled(sql: Pool): Promise<readonly string[]> {
  const found: string[] = [];
  const look = async (what: string, query: string): Promise<void> => {
    const { rows } = await sql.query<{ subject: string; times: string }>(query);
    for (const row of rows) found.push(`${what}: ${row.subject}, ${row.times} times`);
  };
  await look(
    "a pod was announced twice",
    `select message as subject, count(*) as times from events where kind = 'processor.pod_created'
     group by resource_id, message having count(*) > 1`,
  );
  await look(
    "two live activations",
    `select processor_id as subject, count(*) as times from activations where ended_at is null
     group by processor_id having count(*) > 1`,
  );
  await look(
    "two processors of one name",
    `select name as subject, count(*) as times from processors where terminated_at is null
     group by organisation_id, name having count(*) > 1`,
  );
  return found;
}
