/** A new processor's row: what it names has to exist, its effective configuration to make sense, and the plan to have room. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { PROCESSOR_LIMITS } from "@shoal/shared/model/processor.ts";
import type { Body } from "@shoal/shared/wire/endpoints/index.ts";
import { effectiveConfig, type RuntimeConfigOverlay } from "@shoal/shared/wire/runtime-config.ts";
import { usageOf } from "../store/accounts/plan-usage.ts";
import type { Tx } from "../store/database.ts";
import { findCluster, sensorExists, type ClusterRow } from "../store/processors/clusters.ts";
import { createProcessor } from "../store/processors/create.ts";
import { lockTemplate } from "../store/templates/templates.ts";
import { activeVersion } from "../store/templates/versions.ts";
import type { Caller } from "./call.ts";
import { configProblem, refuseLargeConfig } from "./config-rules.ts";
import { refuseOverLimit } from "./missing.ts";
import type { Unit } from "./unit.ts";
import { configOf } from "./versions.ts";

export async function createFrom(
  unit: Unit,
  caller: Caller,
  id: string,
  body: Body<"processors.create">,
): Promise<void> {
  const { tx } = unit;
  const organisationId = caller.organisation.id;
  // Shared with other creations; whoever deletes the template or moves it to another version waits.
  const template = await lockTemplate(tx, body.template, "share");
  if (template === undefined) throw unknown("template", "template");
  if (body.sensor_id !== undefined && !(await sensorExists(tx, body.sensor_id))) throw unknown("sensor_id", "sensor");
  const cluster = await clusterFor(tx, body.cluster);
  await refuseContradiction(tx, template.id, body.config);
  const { max_processors: limit, name: plan } = caller.plan;
  refuseOverLimit("processors", await usageOf(tx, "processors", organisationId, limit), limit, plan);
  const isNew = await createProcessor(tx, {
    id,
    organisation_id: organisationId,
    name: body.name,
    processor_template_id: template.id,
    sensor_id: body.sensor_id ?? null,
    cluster_id: cluster.id,
    k8s_namespace: cluster.k8s_namespace,
    node_type: body.node_type,
    config: body.config,
  });
  if (!isNew) throw nameTaken();
}

export function nameTaken(): ShoalError {
  return new ShoalError("already_exists", "name: is taken by another processor", { field: "name" });
}

/** Refuses an overlay that the template's active version cannot run with, or a template that runs nothing yet. */
export async function refuseContradiction(tx: Tx, templateId: string, config: RuntimeConfigOverlay): Promise<void> {
  refuseLargeConfig(config, "config", PROCESSOR_LIMITS.configMaxBytes);
  const version = await activeVersion(tx, templateId);
  if (version === undefined)
    throw new ShoalError("conflict", "template: has no active version yet", { field: "template" });
  const problem = configProblem(effectiveConfig(configOf(version), config));
  if (problem === undefined) return;
  const field = `config.${problem.field}`;
  throw new ShoalError("invalid_argument", `${field}: ${problem.message}`, { field });
}

async function clusterFor(tx: Tx, idOrName: string | undefined): Promise<ClusterRow> {
  const cluster = await findCluster(tx, idOrName);
  if (cluster !== undefined) return cluster;
  if (idOrName !== undefined) throw unknown("cluster", "cluster");
  throw new ShoalError("unavailable", "no cluster has reported yet", { retryAfterSeconds: 30 });
}

function unknown(field: string, what: string): ShoalError {
  return new ShoalError("invalid_argument", `${field}: there is no such ${what}`, { field });
}
