/** An organisation, a template and a cluster, and processors as the manager leaves them: row, operation and knock at once. */
import type { ClientBase, Pool } from "pg";
import { keepHosts } from "@shoal/functions/store/observed/hosts.ts";
import type { Database } from "@shoal/functions/store/database.ts";
import type { ObservedHost } from "@shoal/shared/ports/pods.ts";
import { NAMESPACE } from "./cluster.ts";

export const CLUSTER = "cluster-1";
const ORGANISATION = "org-aaaaaaaaaaaaaaaaaaaa";
const TEMPLATE = "tpl-a";

export async function seedWorld(
  sql: Pool | ClientBase,
  image = "registry.test/app",
  digest = "sha256:0",
): Promise<void> {
  await sql.query("insert into organisations (id, slug, name, plan) values ($1, 'o', 'o', 'free')", [ORGANISATION]);
  await sql.query("insert into clusters (id, name, k8s_namespace) values ($1, $1, $2)", [CLUSTER, NAMESPACE]);
  await sql.query("insert into processor_templates (id, organisation_id, slug, name) values ($1, $2, 'app', 'app')", [
    TEMPLATE,
    ORGANISATION,
  ]);
  await sql.query(
    `insert into processor_template_versions (id, organisation_id, processor_template_id, version, image_uri, digest,
      is_active, runtime_config_template) values ('ver-1', $1, $2, '1', $3, $4, true, '{}')`,
    [ORGANISATION, TEMPLATE, image, digest],
  );
}

/** Ids of `count` new processors that were knocked at. */
export async function seedProcessors(
  sql: Pool | ClientBase,
  prefix: string,
  { count = 1, config = {} }: { readonly count?: number; readonly config?: object } = {},
): Promise<readonly string[]> {
  const ids = Array.from({ length: count }, (_, i) => `prc-${prefix}${String(i).padStart(6, "0")}`);
  await sql.query(
    `with made as (insert into processors (id, organisation_id, name, processor_template_id, cluster_id, k8s_namespace, config)
        select id, $2, replace(id, 'prc-', 'p'), $3, $4, $5, $6::jsonb from unnest($1::text[]) as id returning id),
      asked as (insert into operations (id, organisation_id, kind, resource_kind, resource_id, generation, requested_by)
        select 'op-' || id || '-1', $2, 'create', 'processor', id, 1, 'test' from made)
    insert into tasks (kind, key, organisation_id, generation) select 'processor', id, $2, 1 from made`,
    [ids, ORGANISATION, TEMPLATE, CLUSTER, NAMESPACE, JSON.stringify(config)],
  );
  return ids;
}

/** Changes what is asked for, as the manager does: generation, operation and knock in one transaction. */
export async function ask(sql: Pool, id: string, change?: string): Promise<void> {
  await sql.query(
    `with p as (update processors set generation = generation + 1${change === undefined ? "" : `, ${change}`} where id = $1 returning *),
      asked as (insert into operations (id, organisation_id, kind, resource_kind, resource_id, generation, requested_by)
        select 'op-' || id || '-' || generation, organisation_id, 'update', 'processor', id, generation, 'test' from p)
    insert into tasks (kind, key, organisation_id, generation) select 'processor', id, organisation_id, generation from p
    on conflict (kind, key) do update set run_at = now(), woken = tasks.lease_until is not null`,
    [id],
  );
}

export const RESTART = "restarts_requested = restarts_requested + 1";
export const DELETE = "deletion_requested_at = now()";

export async function seeHosts(database: Database, hosts: readonly ObservedHost[]): Promise<void> {
  await database.asWorker((tx) => keepHosts(tx, CLUSTER, hosts));
}

interface ProcessorNow {
  readonly stage: string;
  readonly status: string;
  readonly epoch: string;
  readonly generation: string;
  readonly observed_generation: string;
  readonly pod_name: string | null;
  readonly pod_uid: string | null;
  readonly host_name: string | null;
  readonly health_status: string;
  readonly reserved_cpu_milli: number;
  readonly terminated_at: Date | null;
  readonly conditions: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason: string;
    readonly message: string;
  }[];
}

export async function rowOf(sql: Pool, id: string): Promise<ProcessorNow> {
  const { rows } = await sql.query<ProcessorNow>("select * from processors where id = $1", [id]);
  const row = rows[0];
  if (row === undefined) throw new Error(`no row ${id}`);
  return row;
}

export async function texts(sql: Pool, query: string, ...values: unknown[]): Promise<readonly string[]> {
  const { rows } = await sql.query<Record<string, string>>(query, values);
  return rows.map((row) => Object.values(row).join(" "));
}

export const eventsOf = (sql: Pool, id: string): Promise<readonly string[]> =>
  texts(sql, "select kind, reason from events where resource_id = $1 order by id", id);
export const operationsOf = (sql: Pool, id: string): Promise<readonly string[]> =>
  texts(
    sql,
    "select generation, state, coalesce(error_code, '') from operations where resource_id = $1 order by generation",
    id,
  );
export const activationsOf = (sql: Pool, id: string): Promise<readonly string[]> =>
  texts(
    sql,
    "select epoch, because, case when ended_at is null then 'live' else 'ended' end from activations where processor_id = $1 order by epoch",
    id,
  );
