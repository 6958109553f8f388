/**
 * Processors as the dispatcher needs them, a whole batch in one query: the join that stands for a pod (processor, template,
 * active version, sensor), what is known of the pod's host, and how often its pods have failed lately.
 */
import type { Statements } from "../tasks/statements.ts";

const LOAD = `select p.id, p.organisation_id, p.name, p.cluster_id, p.k8s_namespace, p.node_type, p.stage,
    extract(epoch from p.stage_since) * 1000 as stage_since_ms, p.generation, p.observed_generation,
    p.deletion_requested_at is not null as deletion_requested, p.restarts_requested, p.conditions, p.health_status,
    p.epoch, p.pod_name, p.pod_uid, p.pod_ip, p.host_name, p.spec_hash, p.config, t.slug as template_slug,
    v.version, v.image_uri, v.digest, v.runtime_config_template,
    s.name as sensor_name, s.latitude, s.longitude, coalesce(h.cordoned, false) as host_cordoned,
    coalesce(h.taints, '[]') as host_taints,
    (select count(*) from activations a where a.processor_id = p.id and a.because = 'PodFailed'
      and a.created_at > now() - interval '10 minutes')::int as recent_failures
  from processors p
  join processor_templates t on t.id = p.processor_template_id
  left join processor_template_versions v on v.processor_template_id = t.id and v.is_active
  left join sensors s on s.id = p.sensor_id
  left join hosts h on h.cluster_id = p.cluster_id and h.name = p.host_name
  where p.id = any($1::text[]) and ($2 or p.terminated_at is null)`;

export interface StepRow {
  readonly id: string;
  readonly organisation_id: string;
  readonly name: string;
  readonly cluster_id: string;
  readonly k8s_namespace: string;
  readonly node_type: string;
  readonly stage: string;
  readonly stage_since_ms: string;
  readonly generation: string;
  readonly observed_generation: string;
  readonly deletion_requested: boolean;
  readonly restarts_requested: number;
  readonly conditions: unknown;
  readonly health_status: string;
  readonly epoch: string;
  readonly pod_name: string | null;
  readonly pod_uid: string | null;
  readonly pod_ip: string | null;
  readonly host_name: string | null;
  readonly spec_hash: string | null;
  readonly config: unknown;
  readonly template_slug: string;
  readonly version: string | null;
  readonly image_uri: string | null;
  readonly digest: string | null;
  readonly runtime_config_template: unknown;
  readonly sensor_name: string | null;
  readonly latitude: number | null;
  readonly longitude: number | null;
  readonly host_cordoned: boolean;
  readonly host_taints: unknown;
  readonly recent_failures: number;
}

/** Those that are there, in no order; `withTerminated` also those that are gone for good. */
export async function loadForSteps(
  database: Statements,
  ids: readonly string[],
  withTerminated: boolean,
): Promise<readonly StepRow[]> {
  return database.workerStatement<StepRow>("processors-load-for-steps", LOAD, [ids, withTerminated]);
}
