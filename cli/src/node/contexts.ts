/** `shoal context` and `shoal call`: contexts of a node, and their methods. */
import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { details, table, type Column } from "../output.ts";
import { argument, text, texts, type Options, type Runtime } from "../session.ts";
import { actOnNode, applicationOf, contextOf, nodeFlags } from "./session.ts";

interface ContextRow {
  readonly id: string;
  readonly applicationId: string;
  readonly rootHash: string;
}

const COLUMNS: readonly Column<ContextRow>[] = [
  { title: "id", cell: (context) => context.id },
  { title: "application", cell: (context) => context.applicationId },
  { title: "root", cell: (context) => context.rootHash },
];

export function addContexts(parent: Command, runtime: Runtime): void {
  const group = nodeFlags(parent.command("context").description("contexts of a node: one application, one state each"));
  group
    .command("create")
    .argument("<application>", "id or alias")
    .option("--args <json>", "arguments of the application's init; @file reads a file")
    .option("--alias <name>", "a name for the context on this node")
    .option("--group <hex>", "the group it belongs to; without one it gets its own")
    .option("--service <name>", "of an application with more than one")
    .option("--seed <base58>", "32 bytes: the same seed gives the same id")
    .description("Makes a context and calls its application's init")
    .action(
      actOnNode(runtime, async (session, args, options) => {
        const applicationId = await applicationOf(session, argument(args, 0));
        const init = new TextEncoder().encode(JSON.stringify(await jsonOption(options, "args", {})));
        const body = {
          applicationId,
          initializationParams: [...init],
          ...optional(options, { alias: "alias", groupId: "group", serviceName: "service", contextSeed: "seed" }),
        };
        const { data } = await session.node.call("contexts.create", { body, signal: session.signal });
        session.output.result(data, data.contextId, (now) => details(data, now));
      }),
    );
  group
    .command("list")
    .description("Contexts of the node")
    .action(
      actOnNode(runtime, async ({ node, output, signal }) => {
        const { contexts } = (await node.call("contexts.list", { signal })).data;
        output.result(contexts, contexts.map(({ id }) => id).join("\n"), (now) => table(contexts, COLUMNS, now));
      }),
    );
  group
    .command("get")
    .argument("<context>", "id or alias")
    .description("One context")
    .action(
      actOnNode(runtime, async (session, args) => {
        const id = await contextOf(session, argument(args, 0));
        const { data } = await session.node.call("contexts.get", { params: { id }, signal: session.signal });
        const storage = await session.node.call("contexts.storage", { params: { id }, signal: session.signal });
        const { dagHeads: _, ...shown } = data;
        session.output.result(data, id, (now) => details({ ...shown, state_bytes: storage.data.sizeInBytes }, now));
      }),
    );
  addContextChanges(group, runtime);
}

function addContextChanges(group: Command, runtime: Runtime): void {
  group
    .command("update")
    .argument("<context>", "id or alias")
    .requiredOption("--application <id>", "id or alias of the new application")
    .option("--migrate <method>", "method of the new application that turns the old state into its own")
    .option("--as <identity>", "public key of the identity that acts")
    .description("Switches a context to another application")
    .action(
      actOnNode(runtime, async (session, args, options) => {
        const id = await contextOf(session, argument(args, 0));
        const body = {
          applicationId: await applicationOf(session, text(options, "application") ?? ""),
          ...optional(options, { migrateMethod: "migrate", executorPublicKey: "as" }),
        };
        await session.node.call("contexts.updateApplication", { params: { id }, body, signal: session.signal });
        session.output.result({ contextId: id, ...body }, id, () => `${id} runs ${body.applicationId}`);
      }),
    );
  group
    .command("identities")
    .argument("<context>", "id or alias")
    .option("--owned", "only those whose key this node holds")
    .description("Public keys known to a context")
    .action(
      actOnNode(runtime, async (session, args, options) => {
        const id = await contextOf(session, argument(args, 0));
        const endpoint = options["owned"] === true ? "contexts.identitiesOwned" : "contexts.identities";
        const { data } = await session.node.call(endpoint, { params: { id }, signal: session.signal });
        const list = data.identities.join("\n");
        session.output.result(data.identities, list, () => list || "none");
      }),
    );
  group
    .command("delete")
    .argument("<context>", "id or alias")
    .description("Deletes a context from this node")
    .action(
      actOnNode(runtime, async (session, args) => {
        const id = await contextOf(session, argument(args, 0));
        const { data } = await session.node.call("contexts.delete", {
          params: { id },
          body: {},
          signal: session.signal,
        });
        session.output.result(data, id, () => (data.isDeleted ? `${id} is deleted` : `${id} was not here`));
      }),
    );
}

export function addCall(parent: Command, runtime: Runtime): void {
  nodeFlags(parent.command("call"))
    .argument("<context>", "id or alias")
    .argument("<method>")
    .option("--args <json>", "named arguments; @file reads a file")
    .option("--as <identity>", "public key of the identity that acts")
    .option("--substitute <alias...>", "{alias} within the arguments stands for the identity of that name")
    .description("Runs a method and prints what it returns")
    .action(
      actOnNode(runtime, async (session, args, options) => {
        const executor = text(options, "as");
        const value = await session.node.execute({
          contextId: await contextOf(session, argument(args, 0)),
          method: argument(args, 1),
          argsJson: await jsonOption(options, "args", {}),
          substitute: texts(options, "substitute"),
          ...(executor === undefined ? {} : { executorPublicKey: executor }),
          signal: session.signal,
        });
        const shown = JSON.stringify(value ?? null);
        session.output.result(value ?? null, shown, () => shown);
      }),
    );
}

/** `--name '{"a":1}'` or `--name @file.json`. */
async function jsonOption(options: Options, name: string, otherwise: unknown): Promise<unknown> {
  const given = text(options, name);
  if (given === undefined) return otherwise;
  const source = given.startsWith("@") ? await readFile(given.slice(1), "utf8") : given;
  try {
    return JSON.parse(source);
  } catch (cause) {
    throw new ShoalError("malformed_json", `--${name}: expected JSON`, { field: name, cause });
  }
}

/** Those of `names` (field to option) that were given. */
function optional<Field extends string>(
  options: Options,
  names: Readonly<Record<Field, string>>,
): Partial<Record<Field, string>> {
  const given: Partial<Record<Field, string>> = {};
  for (const [field, option] of Object.entries(names) as [Field, string][]) {
    const value = text(options, option);
    if (value !== undefined) given[field] = value;
  }
  return given;
}
