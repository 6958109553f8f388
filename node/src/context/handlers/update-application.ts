/**
 * The context's application is switched, with a migration where the new one asks for it. Nobody else runs meanwhile, and one
 * batch switches state and application together: where anything fails, the old application goes on with the old state. Other
 * nodes hear of it as of any write: the delta says where it moves the context to, and they move with it.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { UpdateApplicationInput } from "../../clients/context-client.ts";
import type { Application, ApplicationModule } from "../../model/application.ts";
import { BorshWriter } from "../../model/borsh.ts";
import type { Context } from "../../model/context.ts";
import { bytesOf } from "../../model/ids.ts";
import type { Outcome } from "../../runtime/contract.ts";
import { buildCommit, madeOf, tellStored } from "../commit.ts";
import { migrateRoot } from "../migrate-root.ts";
import { moveTo } from "../moves.ts";
import type { ContextParts } from "../parts.ts";
import { runRequest } from "../run.ts";
import { actingIdentity, authorised, returned } from "../rights.ts";
import { known } from "./queries.ts";

/** Takes borsh of (new root, witness?) as its input, and returns borsh of a boolean. */
const CHECK = "__calimero_migration_check";

export async function updateApplication(parts: ContextParts, input: UpdateApplicationInput): Promise<undefined> {
  known(parts, input.contextId);
  return parts.turns.run(input.contextId, "alone", () => update(parts, input));
}

async function update(parts: ContextParts, input: UpdateApplicationInput): Promise<undefined> {
  await parts.ahead.settled(input.contextId);
  const context = known(parts, input.contextId);
  if (!context.isInitialized) throw new ShoalError("unavailable", "the context waits for its first state");
  const { application, module } = await target(parts, context, input);
  // Somebody's move, here or elsewhere, was quicker.
  if (context.applicationId === application.id && context.version === application.version) return undefined;
  const from = await parts.applications.get(context.applicationId, context.version);
  requireContinuity(from, application);
  const call = authorised(parts, context.id, await actingIdentity(parts, context.id, input.executor));
  if (call.right !== "write" || !parts.membership.mayUpdate(context.id, call.identity, application)) {
    throw new ShoalError("permission_denied", "this identity may not change the context", { field: "executor" });
  }
  const outcome =
    input.migrateMethod === undefined
      ? unchanged(context)
      : await migrate(parts, context, module, call, input.migrateMethod);
  const { identity, secret } = call;
  const made = madeOf(buildCommit(parts, { context, identity, secret, outcome, move: moveTo(application) }));
  if (made?.delta === undefined) throw new ShoalError("internal", "a move made no delta");
  await parts.store.apply(made.rows);
  parts.registry.set(made.context);
  parts.inboxes.made(context.id, made.delta);
  try {
    await parts.store.durable();
  } finally {
    tellStored(parts, context.id, made.delta);
  }
  parts.events.publish({
    contextId: context.id,
    event: {
      type: "AppVersionChanged",
      ...(from === undefined ? {} : { fromVersion: from.version }),
      toVersion: application.version,
    },
  });
  return undefined;
}

/**
 * Runs the migration. Modules that keep their own collections return the new root's bytes, which the node writes for them;
 * modules on the host's collections have committed by themselves.
 */
async function migrate(
  parts: ContextParts,
  context: Context,
  module: ApplicationModule,
  call: ReturnType<typeof authorised>,
  method: string,
): Promise<Outcome> {
  const outcome = await parts.executor.run(
    runRequest(parts, {
      contextId: context.id,
      module: module.prepared,
      method,
      input: new Uint8Array(),
      identity: call.identity,
      mode: "migrate",
    }),
  );
  const root = returned(outcome);
  if (outcome.rootHash !== undefined) return outcome;
  if (root === undefined) {
    throw new ShoalError("invalid_argument", `${method} neither committed nor returned a new root`, {
      field: "migrateMethod",
    });
  }
  await askCheck(parts, context, module, call, new BorshWriter().bytes(root).option(outcome.migrationWitness, bytes));
  return migrateRoot(parts, context, root, outcome);
}

/** As if a method had run that changed nothing. */
function unchanged({ rootHash }: Context): Outcome {
  return {
    returns: { ok: undefined },
    logs: [],
    events: [],
    xcalls: [],
    rootHash: bytesOf(rootHash),
    artifact: new Uint8Array(),
    rows: [],
    mutates: false,
    gasUsed: 0n,
    hostCalls: 0,
  };
}

const bytes = (writer: BorshWriter, value: Uint8Array): unknown => writer.bytes(value);

/**
 * The module's own word on what its migration made, asked on the state as it still is; a module without a check has none.
 * `made`: the new root, and the witness that the migration left for its check.
 */
async function askCheck(
  parts: ContextParts,
  context: Context,
  module: ApplicationModule,
  { identity }: ReturnType<typeof authorised>,
  made: BorshWriter,
): Promise<void> {
  const request = { contextId: context.id, module: module.prepared, method: CHECK, input: made.done(), identity };
  const outcome = await parts.executor.run(runRequest(parts, { ...request, mode: "read" }));
  if ("failure" in outcome.returns && outcome.returns.failure.detail === "MethodNotFound") return;
  if (returned(outcome)?.[0] === 1) return;
  throw new ShoalError("conflict", "the application's own check refused what its migration made", {
    field: "migrateMethod",
  });
}

async function target(
  parts: ContextParts,
  context: Context,
  input: UpdateApplicationInput,
): Promise<{ readonly application: Application; readonly module: ApplicationModule }> {
  const application = await parts.applications.get(input.applicationId, input.version);
  if (application === undefined) {
    throw new ShoalError("not_found", `no application ${input.applicationId} on this node`, { field: "applicationId" });
  }
  const module = application.modules.find((one) => one.service === context.service);
  if (module === undefined) {
    throw new ShoalError("invalid_argument", `the application has no service ${context.service}`, {
      field: "applicationId",
    });
  }
  if (input.migrateMethod !== undefined && !module.methods.includes(input.migrateMethod)) {
    throw new ShoalError("invalid_argument", `the application exports no method ${input.migrateMethod}`, {
      field: "migrateMethod",
    });
  }
  return { application, module };
}

/** A context stays with the signer of its application: state is never handed to somebody else's code. */
function requireContinuity(from: Application | undefined, to: Application): void {
  if (from?.signerId === undefined || from.signerId === to.signerId) return;
  throw new ShoalError("permission_denied", "the new application is not signed by the signer of the old one", {
    field: "applicationId",
  });
}
