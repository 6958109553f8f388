/** What an activated version means to the template's processors: each gets a new generation, an event and a knock. */
import { sql } from "kysely";
import type { Tx } from "../database.ts";
import { wake } from "../tasks/wake.ts";

/**
 * Returns how many were changed. Processors whose deletion was asked for are left alone. The rows are locked in the order of
 * their ids, as everybody who takes several does.
 */
export async function changeProcessorsOf(
  tx: Tx,
  templateId: string,
  because: { readonly message: string; readonly traceId: string | undefined },
): Promise<number> {
  const { rows } = await sql<{ id: string; organisation_id: string; generation: string }>`
    with live as materialized (
      select id from processors
      where processor_template_id = ${templateId} and terminated_at is null and deletion_requested_at is null
      order by id for no key update),
    changed as (
      update processors p set generation = generation + 1 from live where p.id = live.id
      returning p.id, p.organisation_id, p.generation),
    told as (
      insert into events (organisation_id, kind, resource_kind, resource_id, generation, reason, message, trace_id)
      select organisation_id, 'processor.updated', 'processor', id, generation, 'VersionActivated',
        ${because.message}, ${because.traceId ?? null}
      from changed)
    select id, organisation_id, generation from changed`.execute(tx);
  const knocks = rows.map((row) => ({
    kind: "processor",
    key: row.id,
    organisationId: row.organisation_id,
    generation: Number(row.generation),
    traceId: because.traceId,
  }));
  await wake(tx, knocks);
  return rows.length;
}

/** The different resource overlays of the template's processors, each with a processor that has it. */
export async function resourceOverlaysOf(
  tx: Tx,
  templateId: string,
): Promise<readonly { readonly name: string; readonly resources: unknown }[]> {
  const { rows } = await sql<{ name: string; resources: unknown }>`
    select min(name) as name, config->'resources' as resources from processors
    where processor_template_id = ${templateId} and terminated_at is null and deletion_requested_at is null
      and config ? 'resources'
    group by config->'resources'`.execute(tx);
  return rows;
}

export async function hasProcessors(tx: Tx, templateId: string): Promise<boolean> {
  const row = await tx
    .selectFrom("processors")
    .select("id")
    .where("processor_template_id", "=", templateId)
    .where("terminated_at", "is", null)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}
