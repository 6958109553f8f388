/** Operations: the handles of asynchronous requests, waited for and withdrawn. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import { seconds } from "@shoal/shared/base/time.ts";
import type { ProcessorStage } from "@shoal/shared/model/processor.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Database } from "../store/database.ts";
import { findOperation, listOperations, lockOperation, type OperationRow } from "../store/operations/operations.ts";
import { findProcessor } from "../store/processors/read.ts";
import type { Handlers } from "./call.ts";
import type { OperationWaits } from "./feed/operation-waits.ts";
import { found } from "./missing.ts";
import { pageBody, pageRequest } from "./paging.ts";
import { principalOf } from "./principal.ts";
import { askForDeletion } from "./processors.ts";
import { accepted, ok } from "./reply.ts";
import type { Unit, Units } from "./unit.ts";
import { hasEnded, shownOperation, stageOf } from "./views.ts";

export interface OperationsInit {
  readonly database: Pick<Database, "asTenant">;
  readonly units: Units;
  readonly waits: OperationWaits;
  readonly clock: Clock;
  readonly random: Random;
}

export function operationHandlers(
  init: OperationsInit,
): Pick<Handlers, "operations.list" | "operations.get" | "operations.cancel"> {
  const { database, units, clock, random } = init;
  return {
    "operations.list": async ({ caller, query }) => {
      const { id } = caller.organisation;
      const filter = { resource: query.resource, state: query.state };
      const page = await database.asTenant(id, (tx) => listOperations(tx, id, filter, pageRequest(query)));
      return ok(pageBody(page, shownOperation));
    },
    "operations.get": async ({ caller, params, query, facts }) => {
      const span = query.wait === undefined ? 0 : Number(query.wait.slice(0, -1));
      const row = await waitFor(init, caller.organisation.id, params.id, span, facts.signal);
      return ok(shownOperation(row));
    },
    "operations.cancel": async (call) =>
      units.run(call, { principal: principalOf(call) }, async (unit) => {
        const row = await cancel(unit, call.params.id, random, new Date(clock.now()));
        return accepted(shownOperation(row));
      }),
  };
}

/** The operation once it has ended, or as it is when the time is up. */
async function waitFor(
  { database, waits, clock }: OperationsInit,
  organisationId: string,
  id: string,
  atMostSeconds: number,
  signal: AbortSignal,
): Promise<OperationRow> {
  const read = async (): Promise<OperationRow> =>
    found(await database.asTenant(organisationId, (tx) => findOperation(tx, id)), "operation");
  const row = await read();
  if (atMostSeconds === 0 || hasEnded(row)) return row;
  const wait = waits(organisationId, id);
  const nap = new AbortController();
  try {
    // Read again now that the wait stands: an end in between is not missed.
    const now = await read();
    if (hasEnded(now)) return now;
    const given = clock.sleep(seconds(atMostSeconds), AbortSignal.any([nap.signal, signal])).catch(() => undefined);
    await Promise.race([wait.ended, given]);
    if (signal.aborted) throw new ShoalError("cancelled", "the client went away");
    return await read();
  } finally {
    nap.abort();
    wait.stop();
  }
}

const NOT_PLACED: readonly ProcessorStage[] = ["accept", "place", "failed"];

/** Locks the processor before its operation, as the dispatcher does. */
async function cancel(unit: Unit, id: string, random: Random, now: Date): Promise<OperationRow> {
  const { resource_id: processorId } = found(await findOperation(unit.tx, id), "operation");
  const processor = await findProcessor(unit.tx, processorId, { lock: true });
  const row = found(await lockOperation(unit.tx, id), "operation");
  if (row.state === "cancelled") return row;
  if (hasEnded(row)) throw new ShoalError("conflict", `the operation has ended already: ${row.state}`);
  if (row.kind !== "processor.create")
    throw new ShoalError("conflict", "only a creation can be withdrawn: change or delete the processor instead");
  if (processor === undefined || processor.deletion_requested_at !== null || !NOT_PLACED.includes(stageOf(processor)))
    throw new ShoalError("conflict", "the processor is placed already: delete it instead");
  await unit.audit("operation.cancel", { kind: "processor", id: processorId }, { operation: id });
  await askForDeletion(unit, random, processorId, now);
  return found(await findOperation(unit.tx, id), "operation");
}
