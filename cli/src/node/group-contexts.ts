/** `shoal group contexts`: contexts of a group, and who may enter each. */
import type { Command } from "commander";
import { Option } from "commander";
import { details, table, type Column } from "../output.ts";
import { argument, texts, type Runtime } from "../session.ts";
import { asMember, requester, visibility, VISIBILITIES } from "./governance-options.ts";
import { actOnNode, contextOf, endpointCommand } from "./session.ts";

interface ContextRow {
  readonly contextId: string;
  readonly name?: string | undefined;
}

const COLUMNS: readonly Column<ContextRow>[] = [
  { title: "id", cell: (context) => context.contextId },
  { title: "name", cell: (context) => context.name ?? null },
];

export function addGroupContexts(parent: Command, runtime: Runtime): void {
  const group = parent.command("contexts").description("contexts of a group, and who may enter each");
  endpointCommand(group, runtime, "list <group>", "groupContexts.list", async ({ node, output, signal }, args) => {
    const { data } = await node.call("groupContexts.list", { params: { group: argument(args, 0) }, signal });
    output.result(data, data.map(({ contextId }) => contextId).join("\n"), (now) => table(data, COLUMNS, now));
  });
  endpointCommand(group, runtime, "join <group> <context>", "groupContexts.join", async (session, args) => {
    const contextId = await contextOf(session, argument(args, 1));
    const { node, output, signal } = session;
    const params = { group: argument(args, 0) };
    const { data } = await node.call("groupContexts.join", { params, body: { contextId }, signal });
    output.result(data, data.contextId, (now) => details(data, now));
  });
  asMember(
    endpointCommand(
      group,
      runtime,
      "detach <group> <context>",
      "groupContexts.detach",
      async (session, args, options) => {
        const params = { group: argument(args, 0), context: await contextOf(session, argument(args, 1)) };
        const { node, output, signal } = session;
        await node.call("groupContexts.detach", { params, body: requester(options), signal });
        output.result(params, params.context, () => `${params.context} is out of the group`);
      },
    ),
  );
  addVisibility(group, runtime);
  addAllowlist(group, runtime);
}

function addVisibility(group: Command, runtime: Runtime): void {
  asMember(group.command("visibility"))
    .argument("<group>")
    .argument("<context>", "id or alias")
    .addOption(new Option("--set <who>", "every member, or those on the context's list").choices(VISIBILITIES))
    .description("Who may enter a context; with --set, after it was set")
    .action(
      actOnNode(runtime, async (session, args, options) => {
        const params = { group: argument(args, 0), context: await contextOf(session, argument(args, 1)) };
        const { node, output, signal } = session;
        const mode = visibility(options, "set");
        if (mode !== undefined)
          await node.call("groupContexts.setVisibility", { params, body: { mode, ...requester(options) }, signal });
        const { data } = await node.call("groupContexts.visibility", { params, signal });
        output.result(data, data.mode, (now) => details(data, now));
      }),
    );
}

function addAllowlist(group: Command, runtime: Runtime): void {
  asMember(group.command("allowlist"))
    .argument("<group>")
    .argument("<context>", "id or alias")
    .option("--add <member...>", "lets them in")
    .option("--remove <member...>", "no longer lets them in")
    .description("Who may enter a restricted context, after the changes if any are given")
    .addHelpText("after", "\nExample: shoal group contexts allowlist 5be1... kv --add 9xFp...")
    .action(
      actOnNode(runtime, async (session, args, options) => {
        const params = { group: argument(args, 0), context: await contextOf(session, argument(args, 1)) };
        const { node, output, signal } = session;
        const [add, remove] = [[...texts(options, "add")], [...texts(options, "remove")]];
        if (add.length + remove.length > 0) {
          const body = { add, remove, ...requester(options) };
          await node.call("groupContexts.changeAllowlist", { params, body, signal });
        }
        const { data } = await node.call("groupContexts.allowlist", { params, signal });
        output.result(data, data.join("\n"), () => data.join("\n") || "nobody");
      }),
    );
}
