/** N processors that run, in a database and in a cluster that agree, with the production orchestrator over both. */
import { Client } from "pg";
import { createOrchestrator, type PassResult } from "@shoal/functions/orchestrator/pass.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { loadRows } from "@shoal/functions/dispatcher/processor/load.ts";
import { intentOf } from "@shoal/functions/dispatcher/processor/row.ts";
import { migrate } from "@shoal/functions/store/migrate.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { between, type Worker } from "../../support/road/between.ts";
import { hostOf, scriptedCluster, type ScriptedCluster } from "../../support/road/cluster.ts";
import { recordingQueue } from "../../support/road/queue.ts";
import { CLUSTER, seedProcessors, seedWorld } from "../../support/road/seed.ts";
import { openDatabase } from "./contestants/shoal.ts";
import { ownCpuMs, serverCpuMs } from "./cpu.ts";

const PORTION = 5000;
const HOSTS = 100;

export interface World {
  readonly database: Worker;
  readonly cluster: ScriptedCluster;
  pass(): Promise<Extract<PassResult, { kind: "done" }>>;
  /** Leaves `count` pods of an epoch that is over. */
  leave(count: number): void;
  counts(): { readonly statements: number; readonly rows: number; readonly apiCalls: number };
  /** Of this process and the server. */
  cpuMs(): number;
  close(): Promise<void>;
}

export async function openWorld(url: string, postmaster: number, size: number): Promise<World> {
  await migrate(url);
  const client = new Client({ connectionString: url });
  await client.connect();
  await seedWorld(client);
  const database = openDatabase(url);
  const cluster = scriptedCluster();
  for (let i = 0; i < HOSTS; i++) cluster.setHost(`host-${i}`, hostOf(`host-${i}`));
  let ids: readonly string[] = [];
  for (let from = 0; from < size; from += PORTION) {
    const some = await seedProcessors(client, `${from / PORTION}-`, { count: Math.min(PORTION, size - from) });
    ids = [...ids, ...some];
    const rows = await loadRows(database, some, { withTerminated: false });
    const running = some.map((id, i) => {
      const row = rows.get(id);
      const intent = row === undefined ? undefined : intentOf(row);
      if (intent?.ok !== true) throw new Error(`${id} stands for no pod`);
      const pod = { uid: `u-${id}`, processorId: id, epoch: 2, specHash: intent.hash, hostName: `host-${i % HOSTS}` };
      cluster.set(`pod-${id}`, pod);
      return { id, hash: intent.hash, host: pod.hostName };
    });
    await client.query(
      `update processors p set stage = 'running', status = 'running', epoch = 2, pod_name = 'pod-' || p.id,
        pod_uid = 'u-' || p.id, pod_ip = '127.9.0.1', host_name = r.host, spec_hash = r.hash, health_status = 'healthy',
        observed_generation = 1 from jsonb_to_recordset($1::jsonb) as r(id text, hash text, host text) where r.id = p.id`,
      [JSON.stringify(running)],
    );
  }
  await client.query("truncate tasks, operations");
  await client.end();

  let statements = 0;
  let sqlRows = 0;
  const counted = between(database, {
    before: () => (statements += 1),
    after: (_, count) => (sqlRows += count),
  });
  const queue = recordingQueue();
  const orchestrator = createOrchestrator({
    database: counted,
    pods: cluster,
    queue,
    clock: systemClock,
    log: silentLog,
  });
  const pass: World["pass"] = async () => {
    const result = await orchestrator.pass({ clusterId: CLUSTER, shard: 0 });
    if (result.kind !== "done") throw new Error("another pass is at it");
    return result;
  };
  const first = await pass();
  if (first.actions.length > 0) throw new Error(`what runs is not as it should be: ${first.actions[0]?.reason}`);
  let left = 0;
  return {
    database,
    cluster,
    pass,
    leave: (count) => {
      for (let i = 0; i < count; i++)
        cluster.set(`left-${left++}`, { processorId: ids[i % ids.length] ?? "", epoch: 1, uid: `left-${left}` });
    },
    counts: () => ({
      statements,
      rows: sqlRows,
      apiCalls: Object.values(cluster.calls).reduce((sum, count) => sum + count, 0),
    }),
    cpuMs: () => ownCpuMs() + serverCpuMs(postmaster),
    close: () => database.close(),
  };
}
