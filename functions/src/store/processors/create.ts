/** Inserts a processor. False where the organisation has one of that name that is not gone yet. */
import type { Tx } from "../database.ts";

export async function createProcessor(
  tx: Tx,
  processor: {
    readonly id: string;
    readonly organisation_id: string;
    readonly name: string;
    readonly processor_template_id: string;
    readonly sensor_id: string | null;
    readonly cluster_id: string;
    readonly k8s_namespace: string;
    readonly node_type: string;
    readonly config: object;
  },
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto("processors")
    .values({ ...processor, config: JSON.stringify(processor.config) })
    .onConflict((conflict) =>
      conflict.columns(["organisation_id", "name"]).where("terminated_at", "is", null).doNothing(),
    )
    .executeTakeFirst();
  return numInsertedOrUpdatedRows === 1n;
}
