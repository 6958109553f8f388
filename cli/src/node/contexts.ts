/** `shoal context`: contexts of a node. */
import type { Command } from "commander";
import { details, table, type Column } from "../output.ts";
import { argument, text, type Runtime } from "../session.ts";
import { addContextMembers } from "./context-members.ts";
import { jsonOption, optional } from "./input.ts";
import { actOnNode, applicationOf, contextOf, endpointCommand, nodeFlags } from "./session.ts";

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
    .option("--args <json>", "arguments of the application's init; @file or - for standard input")
    .option("--alias <name>", "a name for the context on this node")
    .option("--name <name>", "what members of its group see it as")
    .option("--group <hex>", "the group it belongs to; without one it gets its own")
    .option("--service <name>", "of an application with more than one")
    .option("--seed <base58>", "32 bytes: the same seed gives the same id")
    .description("Makes a context and calls its application's init")
    .addHelpText("after", '\nExample: shoal context create 3kQb... --alias kv --args \'{"title":"Notes"}\'')
    .action(
      actOnNode(runtime, async (session, args, options) => {
        const applicationId = await applicationOf(session, argument(args, 0));
        const init = new TextEncoder().encode(JSON.stringify(await jsonOption(options, "args", {})));
        const body = {
          applicationId,
          initializationParams: [...init],
          ...optional(options, {
            alias: "alias",
            name: "name",
            groupId: "group",
            serviceName: "service",
            contextSeed: "seed",
          }),
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
  addContextMembers(group, runtime);
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
  group
    .command("sync")
    .argument("[context]", "id or alias; without one, every context")
    .description("Asks peers for what is missing")
    .action(
      actOnNode(runtime, async (session, args) => {
        const { node, output, signal } = session;
        const given = args[0];
        const id = given === undefined ? undefined : await contextOf(session, given);
        await (id === undefined
          ? node.call("contexts.syncAll", { body: {}, signal })
          : node.call("contexts.sync", { params: { id }, body: {}, signal }));
        output.result({ contextId: id ?? null }, id ?? "", () => `${id ?? "every context"} is as its peers have it`);
      }),
    );
  endpointCommand(group, runtime, "resync <context>", "contexts.resync", async (session, args) => {
    const id = await contextOf(session, argument(args, 0));
    const { node, output, signal } = session;
    const answer = await node.call("contexts.resync", { params: { id }, body: {}, signal });
    output.result(answer, id, () => `${id} was compared with its peers as a whole`);
  });
  group
    .command("status")
    .argument("<context>", "id or alias")
    .description("How a context stands among its peers")
    .action(
      actOnNode(runtime, async (session, args) => {
        const id = await contextOf(session, argument(args, 0));
        const status = await session.node.syncStatus(id, session.signal);
        session.output.result(status, status.syncState, (now) => details({ ...status }, now));
      }),
    );
  endpointCommand(group, runtime, "group <context>", "contexts.group", async (session, args) => {
    const id = await contextOf(session, argument(args, 0));
    const { data } = await session.node.call("contexts.group", { params: { id }, signal: session.signal });
    session.output.result({ groupId: data }, data ?? "", () => data ?? "none");
  });
}
