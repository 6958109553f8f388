/**
 * Writes places down before anything is created outside: the next epoch, the pod's name, the host and what is set aside on
 * it, with the activation and the event, in one statement. A row that has moved on meanwhile is left alone.
 */
import { sql } from "kysely";
import type { Tx } from "../database.ts";

export interface PlaceRow {
  readonly id: string;
  readonly expectedEpoch: number;
  readonly podName: string;
  /** Null: the cluster is to find or make one. */
  readonly hostName: string | null;
  readonly specHash: string;
  readonly cpuMilli: number;
  readonly memoryMiB: number;
  readonly gpu: number;
  readonly conditions: unknown;
  /** Why there is a new activation, one word. */
  readonly because: string;
  readonly message: string;
  readonly traceId: string | null;
}

/** Ids of those that were written. */
export async function commitPlaces(tx: Tx, places: readonly PlaceRow[]): Promise<ReadonlySet<string>> {
  if (places.length === 0) return new Set();
  const { rows } = await sql<{ id: string }>`
    with r as (select * from jsonb_to_recordset(${JSON.stringify(places)}::jsonb) as r(
        id text, "expectedEpoch" bigint, "podName" text, "hostName" text, "specHash" text, "cpuMilli" int,
        "memoryMiB" int, gpu int, conditions jsonb, because text, message text, "traceId" text)),
    placed as (update processors p set stage = 'create', status = 'pending', stage_since = now(),
        epoch = r."expectedEpoch" + 1, pod_name = r."podName", pod_uid = null, pod_ip = null, host_name = r."hostName",
        spec_hash = r."specHash", reserved_cpu_milli = r."cpuMilli", reserved_memory_mib = r."memoryMiB",
        reserved_gpu = r.gpu, conditions = r.conditions
      from r where p.id = r.id and p.epoch = r."expectedEpoch" and p.stage = 'place' and p.deletion_requested_at is null
      returning p.id, p.organisation_id, p.epoch, p.generation),
    opened as (insert into activations (processor_id, epoch, organisation_id, pod_name, host_name, because)
      select placed.id, placed.epoch, placed.organisation_id, r."podName", r."hostName", r.because
      from placed join r on r.id = placed.id on conflict (processor_id, epoch) do nothing),
    told as (insert into events (organisation_id, kind, resource_kind, resource_id, generation, reason, message, trace_id)
      select placed.organisation_id, 'processor.placed', 'processor', placed.id, placed.generation, 'Placed', r.message,
        r."traceId"
      from placed join r on r.id = placed.id)
    select id from placed`.execute(tx);
  return new Set(rows.map((row) => row.id));
}
