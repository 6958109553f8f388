/** Processors of the organisation at hand, as they are shown. */
import type { Tx } from "../database.ts";
import { micros, olderThan, toPage, type Page, type PageRequest } from "../paging/cursor.ts";

const COLUMNS = [
  "p.id",
  "p.name",
  "p.processor_template_id",
  "p.sensor_id",
  "p.cluster_id",
  "p.node_type",
  "p.config",
  "p.restarts_requested",
  "p.generation",
  "p.observed_generation",
  "p.status",
  "p.stage",
  "p.stage_since",
  "p.conditions",
  "p.health_status",
  "p.epoch",
  "p.pod_name",
  "p.k8s_namespace",
  "p.host_name",
  "p.deletion_requested_at",
  "p.terminated_at",
  "p.created_at",
  "p.updated_at",
] as const;

function processors(tx: Tx) {
  return tx
    .selectFrom("processors as p")
    .innerJoin("processor_templates as t", "t.id", "p.processor_template_id")
    .select(COLUMNS)
    .select("t.slug as template_slug");
}

export type ProcessorView = NonNullable<Awaited<ReturnType<ReturnType<typeof processors>["executeTakeFirst"]>>>;

/** By id, or by the name of one that is not gone yet. `lock` keeps it from changing until the transaction ends. */
export async function findProcessor(
  tx: Tx,
  idOrName: string,
  options: { readonly lock: boolean },
): Promise<ProcessorView | undefined> {
  const query = processors(tx).where((is) =>
    is.or([is("p.id", "=", idOrName), is.and([is("p.name", "=", idOrName), is("p.terminated_at", "is", null)])]),
  );
  return (options.lock ? query.forNoKeyUpdate("p") : query).executeTakeFirst();
}

export interface ProcessorFilter {
  readonly status: string | undefined;
  readonly templateId: string | undefined;
  readonly nodeType: string | undefined;
  readonly namePrefix: string | undefined;
}

/** Newest first; terminated ones only where the status asks for them. */
export async function listProcessors(
  tx: Tx,
  organisationId: string,
  filter: ProcessorFilter,
  page: PageRequest,
): Promise<Page<ProcessorView & { page_at: string }>> {
  let query = processors(tx)
    .select(micros("p.created_at").as("page_at"))
    .where("p.organisation_id", "=", organisationId)
    .where(olderThan("p.created_at", "p.id", page.after));
  query =
    filter.status === "terminated"
      ? query.where("p.terminated_at", "is not", null)
      : query.where("p.terminated_at", "is", null);
  if (filter.status !== undefined && filter.status !== "terminated")
    query = query.where("p.status", "=", filter.status);
  if (filter.templateId !== undefined) query = query.where("p.processor_template_id", "=", filter.templateId);
  if (filter.nodeType !== undefined) query = query.where("p.node_type", "=", filter.nodeType);
  if (filter.namePrefix !== undefined)
    query = query.where("p.name", "like", `${filter.namePrefix.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`);
  const rows = await query
    .orderBy("p.created_at", "desc")
    .orderBy("p.id", "desc")
    .limit(page.limit + 1)
    .execute();
  return toPage(rows, page.limit, (row) => row.id);
}
