/**
 * Processors: what is asked for. Each change raises the generation and leaves an operation that ends once the generation was
 * made true. Whether a host can hold it is not judged here: that is placement's, and told as a condition.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { makeId } from "@shoal/shared/base/ids.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import type { OperationKind } from "@shoal/shared/model/operation.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Processor } from "@shoal/shared/wire/endpoints/processors.ts";
import type { Operation } from "@shoal/shared/wire/endpoints/operations.ts";
import type { Database, Tx } from "../store/database.ts";
import { uniqueViolation } from "../store/errors.ts";
import { cancelOpenOperations, createOperation, latestOperation } from "../store/operations/operations.ts";
import { changeIntent, type IntentChange } from "../store/processors/change-intent.ts";
import { findProcessor, listProcessors, type ProcessorView } from "../store/processors/read.ts";
import { findTemplate } from "../store/templates/templates.ts";
import type { Caller, Handlers } from "./call.ts";
import { found } from "./missing.ts";
import { pageBody, pageRequest } from "./paging.ts";
import { principalOf } from "./principal.ts";
import { createFrom, nameTaken } from "./processor-create.ts";
import { changeOf } from "./processor-patch.ts";
import { accepted, ok } from "./reply.ts";
import { etagOf, refuseMismatch } from "./road/if-match.ts";
import type { Unit, Units } from "./unit.ts";
import { shownOperation, shownProcessor } from "./views.ts";

export interface ProcessorsInit {
  readonly database: Pick<Database, "asTenant">;
  readonly units: Units;
  readonly clock: Clock;
  readonly random: Random;
}

type Ids = "processors.create" | "processors.list" | "processors.get";
type ChangeIds = "processors.update" | "processors.delete" | "processors.restart";

export function processorHandlers(init: ProcessorsInit): Pick<Handlers, Ids | ChangeIds> {
  const { database, units, clock, random } = init;
  return {
    "processors.create": async (call) =>
      units.run(call, { principal: principalOf(call) }, async (unit) => {
        const id = makeId<string>("processor", random);
        await createFrom(unit, call.caller, id, call.body);
        await unit.audit("processor.create", { kind: "processor", id }, { name: call.body.name });
        const what = {
          kind: "processor.create",
          reason: "Created",
          message: `${call.body.name} was asked for`,
        } as const;
        return answered(await announce(unit, random, id, 1, what), await reread(unit.tx, id));
      }),
    "processors.list": async ({ caller, query }) => {
      const page = await database.asTenant(caller.organisation.id, (tx) => list(tx, caller, query));
      return ok(pageBody(page, shownProcessor));
    },
    "processors.get": async ({ caller, params }) => {
      const row = await database.asTenant(caller.organisation.id, (tx) =>
        findProcessor(tx, params.id, { lock: false }),
      );
      const processor = shownProcessor(found(row, "processor"));
      return ok(processor, { ETag: etagOf(processor.generation) });
    },
    "processors.update": async (call) =>
      units.run(call, { principal: principalOf(call) }, async (unit) => {
        const row = await lockLiving(unit.tx, call.params.id);
        refuseMismatch(call.facts.header("if-match"), Number(row.generation));
        const change = await changeOf(unit.tx, row, call.body);
        const fields = Object.keys(call.body);
        await unit.audit("processor.update", { kind: "processor", id: row.id }, { fields });
        const what = { kind: "processor.update", reason: "Updated", message: `changed: ${fields.join(", ")}` } as const;
        return changed(unit, random, row.id, change, what);
      }),
    "processors.delete": async (call) =>
      units.run(call, { principal: principalOf(call) }, async (unit) => {
        const row = found(await findProcessor(unit.tx, call.params.id, { lock: true }), "processor");
        const before =
          row.deletion_requested_at === null ? undefined : await latestOperation(unit.tx, row.id, "processor.delete");
        if (before !== undefined) return answered(shownOperation(before), row);
        await unit.audit("processor.delete", { kind: "processor", id: row.id }, { name: row.name });
        return askForDeletion(unit, random, row.id, new Date(clock.now()));
      }),
    "processors.restart": async (call) =>
      units.run(call, { principal: principalOf(call) }, async (unit) => {
        const row = await lockLiving(unit.tx, call.params.id);
        await unit.audit("processor.restart", { kind: "processor", id: row.id });
        const what = { kind: "processor.restart", reason: "Restarted", message: "a restart was asked for" } as const;
        return changed(unit, random, row.id, { restart: true }, what);
      }),
  };
}

interface Wish {
  readonly kind: OperationKind;
  readonly reason: string;
  readonly message: string;
}

type Accepted = ReturnType<typeof answered>;

/** Open wishes end with it: nothing of them will come true any more. */
export async function askForDeletion(unit: Unit, random: Random, id: string, now: Date): Promise<Accepted> {
  await cancelOpenOperations(unit.tx, id, "the processor is being deleted");
  const what = { kind: "processor.delete", reason: "Deleted", message: "deletion was asked for" } as const;
  return changed(unit, random, id, { deletionRequestedAt: now }, what);
}

async function changed(unit: Unit, random: Random, id: string, change: IntentChange, what: Wish): Promise<Accepted> {
  const generation = await changeIntent(unit.tx, id, change).catch((thrown: unknown) => {
    // Somebody else took the name after it was looked for.
    throw uniqueViolation(thrown) === "processors_name" ? nameTaken() : thrown;
  });
  return answered(await announce(unit, random, id, generation, what), await reread(unit.tx, id));
}

const EVENT_OF: Record<OperationKind, string> = {
  "processor.create": "processor.created",
  "processor.update": "processor.updated",
  "processor.restart": "processor.restarting",
  "processor.delete": "processor.deleting",
};

/** The operation, the event and the knock of a wish. */
async function announce(unit: Unit, random: Random, id: string, generation: number, what: Wish): Promise<Operation> {
  const { organisationId, actor } = unit.principal;
  const operation = await createOperation(unit.tx, {
    id: makeId("operation", random),
    organisation_id: organisationId,
    kind: what.kind,
    resource_kind: "processor",
    resource_id: id,
    generation,
    requested_by: actor.id,
    trace_id: unit.traceId,
  });
  const { reason, message } = what;
  await unit.event(EVENT_OF[what.kind], { kind: "processor", id }, { generation, reason, message });
  await unit.knock(id, generation);
  return shownOperation(operation);
}

function answered(operation: Operation, row: ProcessorView) {
  const processor: Processor = shownProcessor(row);
  return accepted({ operation, processor }, { ETag: etagOf(processor.generation) });
}

async function reread(tx: Tx, id: string): Promise<ProcessorView> {
  return found(await findProcessor(tx, id, { lock: false }), "processor");
}

/** Locks one that may still be changed. */
async function lockLiving(tx: Tx, idOrName: string): Promise<ProcessorView> {
  const row = found(await findProcessor(tx, idOrName, { lock: true }), "processor");
  if (row.deletion_requested_at !== null) throw new ShoalError("conflict", "the processor is being deleted");
  return row;
}

async function list(
  tx: Tx,
  caller: Caller,
  query: Parameters<Handlers["processors.list"]>[0]["query"],
): ReturnType<typeof listProcessors> {
  const page = pageRequest(query);
  const template = query.template === undefined ? undefined : await findTemplate(tx, query.template);
  if (query.template !== undefined && template === undefined) return { rows: [], next: undefined };
  const filter = {
    status: query.status,
    templateId: template?.id,
    nodeType: query.node_type,
    namePrefix: query.name_prefix,
  };
  return listProcessors(tx, caller.organisation.id, filter, page);
}
