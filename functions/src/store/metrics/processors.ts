/**
 * Processors by stage, and how often one was given a place: each activation takes the next epoch, so the sum of epochs counts
 * them without reading `activations`. One scan of `processors`, whose rows stay when a processor is gone, so the sum never falls.
 */
import { sql } from "kysely";
import { PROCESSOR_STAGES, type ProcessorStage } from "@shoal/shared/model/processor.ts";
import type { Tx } from "../database.ts";

export interface ProcessorTotals {
  /** Of every stage, 0 included. */
  readonly byStage: Readonly<Record<ProcessorStage, number>>;
  readonly notTerminated: number;
  readonly activationsEver: number;
}

export async function processorTotals(tx: Tx): Promise<ProcessorTotals> {
  const { rows } = await sql<{ stage: string; all: string; alive: string; epochs: string }>`
    select stage, count(*) as all, count(*) filter (where terminated_at is null) as alive, sum(epoch) as epochs
    from processors group by stage`.execute(tx);
  const counts = new Map(rows.map((row) => [row.stage, Number(row.all)]));
  return {
    byStage: Object.fromEntries(PROCESSOR_STAGES.map((stage) => [stage, counts.get(stage) ?? 0])) as Record<
      ProcessorStage,
      number
    >,
    notTerminated: rows.reduce((sum, row) => sum + Number(row.alive), 0),
    activationsEver: rows.reduce((sum, row) => sum + Number(row.epochs), 0),
  };
}
