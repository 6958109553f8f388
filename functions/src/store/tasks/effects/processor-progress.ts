/**
 * Moves a processor along its road. The step decided from a row that it read some time ago, hence the guard: epoch and
 * stage must still be what it saw. Where they are not, somebody else moved the processor, and the step is taken again from
 * what is there now. The guard locks the row, so that nothing changes between the check and the write.
 */
import type { Condition } from "@shoal/shared/model/condition.ts";
import type { HealthStatus, ProcessorStage, ProcessorStatus } from "@shoal/shared/model/processor.ts";
import { snakeCase, type Effect, type EffectKind } from "./effect.ts";

/** Columns to set; an absent one stays, null clears. */
export interface ProcessorPatch {
  /** `stage_since` follows by itself. */
  readonly stage?: ProcessorStage;
  readonly status?: ProcessorStatus;
  readonly conditions?: readonly Condition[];
  /** Grows only, and never beyond the row's generation. */
  readonly observedGeneration?: number;
  readonly epoch?: number;
  readonly podName?: string | null;
  readonly podUid?: string | null;
  readonly podIp?: string | null;
  readonly hostName?: string | null;
  readonly specHash?: string | null;
  readonly healthStatus?: HealthStatus;
  readonly reservedCpuMilli?: number;
  readonly reservedMemoryMib?: number;
  readonly reservedGpu?: number;
  /** The pod was looked at just now. */
  readonly healthChecked?: true;
  /** It is gone for good, as of now. */
  readonly terminated?: true;
}

export interface ProcessorProgress extends Effect {
  readonly kind: "processor-progress";
  readonly processorId: string;
  readonly seenGeneration: number;
  readonly expectedEpoch: number;
  readonly expectedStage: ProcessorStage;
  readonly patch: ProcessorPatch;
}

/** Fields that are copied as they are, with the type that their JSON text is read as. */
const COPIED = {
  stage: "text",
  status: "text",
  epoch: "bigint",
  podName: "text",
  podUid: "text",
  podIp: "text",
  hostName: "text",
  specHash: "text",
  healthStatus: "text",
  reservedCpuMilli: "int",
  reservedMemoryMib: "int",
  reservedGpu: "int",
} satisfies Partial<Record<keyof ProcessorPatch, string>>;

const assignments = Object.entries(COPIED).map(
  ([field, type]) =>
    `${snakeCase(field)} = case when r.patch ? '${field}' then (r.patch->>'${field}')::${type} else p.${snakeCase(field)} end`,
);

export const processorProgress: EffectKind<ProcessorProgress> = {
  kind: "processor-progress",
  fields: {
    processorId: "text",
    seenGeneration: "bigint",
    expectedEpoch: "bigint",
    expectedStage: "text",
    patch: "jsonb",
  },
  guard: `select i.task_id from processor_progress_input i join processors p on p.id = i.processor_id
    where p.generation >= i.seen_generation and p.epoch = i.expected_epoch and p.stage = i.expected_stage
    for no key update of p`,
  statement: `update processors p set
      ${assignments.join(",\n      ")},
      conditions = coalesce(r.patch->'conditions', p.conditions),
      stage_since = case when p.stage = coalesce(r.patch->>'stage', p.stage) then p.stage_since else now() end,
      observed_generation = greatest(p.observed_generation, least(p.generation, (r.patch->>'observedGeneration')::bigint)),
      last_health_check_at = case when r.patch ? 'healthChecked' then now() else p.last_health_check_at end,
      terminated_at = case when r.patch ? 'terminated' then now() else p.terminated_at end
    from processor_progress_rows r where p.id = r.processor_id`,
  subject: (effect) => effect.processorId,
};
