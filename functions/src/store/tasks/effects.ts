/**
 * What a task may change when it completes, as data. Each kind has its columns and the part of the completing statement
 * that writes them; it reads `<kind>_rows`, which holds only rows of tasks whose fence still holds, so a worker that was
 * presumed dead and comes back leaves nothing behind. A `guard` names rows whose assumption no longer holds: their whole
 * task is void, and due again.
 */
import { wakeStatement } from "./wake.ts";

export interface EffectKind {
  readonly name: string;
  /** Column -> PostgreSQL type, as in the JSON that is handed over. */
  readonly columns: Readonly<Record<string, string>>;
  /** Reads `<name>_rows`. */
  readonly statement: string;
  /** Selects the `task_id`s whose effects must not happen; reads `<name>_input`. */
  readonly guard?: string;
}

export type EffectRow = Readonly<Record<string, string | number | boolean | null | object>>;

export interface Effect {
  readonly kind: string;
  readonly row: EffectRow;
}

/** Moves a processor. The row must still be at the epoch and stage that the step started from. */
const processorProgress: EffectKind = {
  name: "progress",
  columns: {
    id: "text",
    expected_epoch: "bigint",
    expected_stage: "text",
    stage: "text",
    status: "text",
    conditions: "jsonb",
    observed_generation: "bigint",
    patch: "jsonb",
    checked: "boolean",
  },
  guard: `select i.task_id from progress_input i
    left join processors p on p.id = i.id and p.epoch = i.expected_epoch and p.stage = i.expected_stage
    where p.id is null`,
  statement: `update processors p set
      stage = r.stage,
      stage_since = case when p.stage = r.stage then p.stage_since else now() end,
      status = r.status,
      conditions = coalesce(r.conditions, p.conditions),
      observed_generation = greatest(p.observed_generation, coalesce(r.observed_generation, p.observed_generation)),
      pod_name = case when r.patch ? 'podName' then r.patch->>'podName' else p.pod_name end,
      pod_uid = case when r.patch ? 'podUid' then r.patch->>'podUid' else p.pod_uid end,
      pod_ip = case when r.patch ? 'podIp' then r.patch->>'podIp' else p.pod_ip end,
      host_name = case when r.patch ? 'hostName' then r.patch->>'hostName' else p.host_name end,
      spec_hash = case when r.patch ? 'specHash' then r.patch->>'specHash' else p.spec_hash end,
      health_status = coalesce(r.patch->>'healthStatus', p.health_status),
      last_health_check_at = case when r.checked then now() else p.last_health_check_at end,
      reserved_cpu_milli = case when r.patch ? 'released' then 0 else p.reserved_cpu_milli end,
      reserved_memory_mib = case when r.patch ? 'released' then 0 else p.reserved_memory_mib end,
      reserved_gpu = case when r.patch ? 'released' then 0 else p.reserved_gpu end,
      terminated_at = case when r.patch ? 'terminated' then now() else p.terminated_at end
    from progress_rows r where p.id = r.id and p.epoch = r.expected_epoch and p.stage = r.expected_stage`,
};

/** Ends the activation of an epoch. */
const activationEnd: EffectKind = {
  name: "deactivation",
  columns: { processor_id: "text", epoch: "bigint" },
  statement: `update activations a set ended_at = now() from deactivation_rows r
    where a.processor_id = r.processor_id and a.epoch = r.epoch and a.ended_at is null`,
};

/** Advances the operations that wait for a generation of a resource. */
const operationProgress: EffectKind = {
  name: "operation",
  columns: { resource_id: "text", generation: "bigint", state: "text", error_code: "text", error_message: "text" },
  statement: `update operations o set state = r.state, error_code = r.error_code, error_message = r.error_message, updated_at = now(),
      done_at = case when r.state in ('succeeded', 'failed') then now() end
    from operation_rows r
    where o.resource_id = r.resource_id and o.generation <= r.generation and o.state in ('pending', 'running') and o.state <> r.state`,
};

const event: EffectKind = {
  name: "event",
  columns: {
    organisation_id: "text",
    kind: "text",
    resource_kind: "text",
    resource_id: "text",
    generation: "bigint",
    reason: "text",
    message: "text",
    trace_id: "text",
  },
  statement: `insert into events (organisation_id, kind, resource_kind, resource_id, generation, reason, message, trace_id)
    select organisation_id, kind, resource_kind, resource_id, generation, reason, message, trace_id from event_rows`,
};

const wakeOther: EffectKind = {
  name: "wake",
  columns: {
    kind: "text",
    key: "text",
    organisation_id: "text",
    generation: "bigint",
    after_ms: "int",
    trace_id: "text",
  },
  statement: wakeStatement("wake_rows"),
};

export const PRODUCTION_EFFECTS: readonly EffectKind[] = [
  processorProgress,
  activationEnd,
  operationProgress,
  event,
  wakeOther,
];
