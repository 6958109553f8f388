/** Rows as the API shows them, where several resources show the same. */
import { timestamp, toIso } from "@shoal/shared/base/time.ts";
import type { Condition } from "@shoal/shared/model/condition.ts";
import { OPERATION_KINDS, OPERATION_STATES, isDone, type OperationState } from "@shoal/shared/model/operation.ts";
import {
  PROCESSOR_STAGES,
  statusOf,
  type ProcessorConditionType,
  type ProcessorStage,
} from "@shoal/shared/model/processor.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Operation } from "@shoal/shared/wire/endpoints/operations.ts";
import type { Processor } from "@shoal/shared/wire/endpoints/processors.ts";
import { runtimeConfigOverlaySchema } from "@shoal/shared/wire/runtime-config.ts";
import type { OperationRow } from "../store/operations/operations.ts";
import type { ProcessorView } from "../store/processors/read.ts";
import { isoOrNull } from "./paging.ts";

export function shownOperation(row: OperationRow): Operation {
  return {
    id: row.id,
    kind: oneOf(OPERATION_KINDS, row.kind),
    resource_kind: row.resource_kind,
    resource_id: row.resource_id,
    generation: Number(row.generation),
    state: stateOf(row),
    error: row.error_code === null ? null : { code: row.error_code, message: row.error_message ?? "" },
    requested_by: row.requested_by,
    trace_id: row.trace_id,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
    done_at: isoOrNull(row.done_at),
  };
}

export function stateOf(row: OperationRow): OperationState {
  return oneOf(OPERATION_STATES, row.state);
}

export function hasEnded(row: OperationRow): boolean {
  return isDone(stateOf(row));
}

export function stageOf(row: ProcessorView): ProcessorStage {
  return oneOf(PROCESSOR_STAGES, row.stage);
}

export function shownProcessor(row: ProcessorView): Processor {
  const stage = stageOf(row);
  const conditions = row.conditions as readonly Condition<ProcessorConditionType>[];
  return {
    id: row.id,
    name: row.name,
    template_id: row.processor_template_id,
    template: row.template_slug,
    sensor_id: row.sensor_id,
    cluster_id: row.cluster_id,
    node_type: row.node_type === "edge" ? "edge" : "managed",
    config: runtimeConfigOverlaySchema.parse(row.config),
    generation: Number(row.generation),
    observed_generation: Number(row.observed_generation),
    status: statusOf(stage),
    stage,
    stage_since: row.stage_since.toISOString(),
    conditions: conditions.map((condition) => ({
      type: condition.type,
      status: condition.status,
      reason: condition.reason,
      message: condition.message,
      since: toIso(timestamp(condition.since)),
      observed_generation: condition.observedGeneration,
    })),
    health_status: row.health_status,
    epoch: Number(row.epoch),
    pod_name: row.pod_name,
    host_name: row.host_name,
    deletion_requested_at: isoOrNull(row.deletion_requested_at),
    terminated_at: isoOrNull(row.terminated_at),
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}

/** A column's word as the type that says which words there are. */
function oneOf<const Words extends readonly string[]>(words: Words, word: string): Words[number] {
  const known = words.find((each) => each === word);
  if (known === undefined) throw new ShoalError("internal", `the database has a word that is not known: ${word}`);
  return known;
}
