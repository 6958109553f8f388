/** Rows of the store as the stages see them. */
import type { Condition } from "@shoal/shared/model/condition.ts";
import { isDraining, type Taint } from "@shoal/shared/model/host.ts";
import type { HealthStatus, ProcessorConditionType, ProcessorStage } from "@shoal/shared/model/processor.ts";
import { timestamp } from "@shoal/shared/base/time.ts";
import { loadForSteps, type StepRow } from "../../store/processors/load-for-steps.ts";
import type { Statements } from "../../store/tasks/statements.ts";
import type { ProcessorRow } from "./row.ts";

/** By processor id; an id without a row is not there any more, or (unless asked for) gone for good. */
export async function loadRows(
  database: Statements,
  ids: readonly string[],
  { withTerminated }: { readonly withTerminated: boolean },
): Promise<ReadonlyMap<string, ProcessorRow>> {
  const rows = await loadForSteps(database, ids, withTerminated);
  return new Map(rows.map((row) => [row.id, rowFrom(row)]));
}

function rowFrom(row: StepRow): ProcessorRow {
  const optional = (text: string | null): string | undefined => text ?? undefined;
  return {
    id: row.id,
    organisationId: row.organisation_id,
    name: row.name,
    clusterId: row.cluster_id,
    namespace: row.k8s_namespace,
    nodeType: row.node_type === "edge" ? "edge" : "managed",
    // Stage, conditions and health are words that only the dispatcher writes.
    stage: row.stage as ProcessorStage,
    stageSince: timestamp(Number(row.stage_since_ms)),
    generation: Number(row.generation),
    observedGeneration: Number(row.observed_generation),
    deletionRequested: row.deletion_requested,
    restartsRequested: row.restarts_requested,
    conditions: row.conditions as readonly Condition<ProcessorConditionType>[],
    healthStatus: row.health_status as HealthStatus,
    epoch: Number(row.epoch),
    podName: optional(row.pod_name),
    podUid: optional(row.pod_uid),
    podIp: optional(row.pod_ip),
    hostName: optional(row.host_name),
    specHash: optional(row.spec_hash),
    config: row.config,
    templateSlug: row.template_slug,
    version: versionFrom(row),
    sensor:
      row.sensor_name === null
        ? undefined
        : { name: row.sensor_name, latitude: row.latitude, longitude: row.longitude },
    hostDraining: isDraining({ cordoned: row.host_cordoned, taints: row.host_taints as readonly Taint[] }),
    recentFailures: row.recent_failures,
  };
}

function versionFrom(row: StepRow): ProcessorRow["version"] {
  const { version, image_uri: imageUri, digest } = row;
  if (version === null || imageUri === null || digest === null) return undefined;
  return { version, imageUri, digest, runtimeConfig: row.runtime_config_template };
}
