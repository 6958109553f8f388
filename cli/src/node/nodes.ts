/** `shoal node`: nodes on this machine, which node commands talk to, and how that one is. */
import type { Command } from "commander";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { details, table } from "../output.ts";
import type { Runtime } from "../session.ts";
import { addKnownNodes } from "./known-nodes.ts";
import { addLocalNode } from "./local-node.ts";
import { actOnNode, nodeFlags, type NodeSession } from "./session.ts";

export function addNodes(parent: Command, runtime: Runtime): void {
  const group = parent
    .command("node")
    .description("nodes on this machine, and the node that commands talk to")
    .addHelpText(
      "after",
      "\nA first node:\n  shoal node init --admin-user ada --admin-password-stdin < password\n  shoal node run\n  shoal auth login --username ada",
    );
  addLocalNode(group, runtime);
  nodeFlags(group.command("status"))
    .description("Whether the node is well, and what it holds")
    .action(
      actOnNode(runtime, async (session) => {
        const { node, output, connection, signal } = session;
        const { data } = await node.call("node.adminReady", { signal });
        const status = { url: connection.url, ...data, ...(await usage(session)) };
        output.result(status, data.status, (now) => details(status, now));
      }),
    );
  nodeFlags(group.command("gc"))
    .option("--dry-run", "only count what would go")
    .description("Takes away now what nobody can need any more")
    .action(
      actOnNode(runtime, async ({ node, output, signal }, _args, options) => {
        const dryRun = options["dryRun"] === true;
        const { data } = await node.call("node.collect", { body: { dryRun }, signal });
        const rows = Object.entries(data).map(([sweep, { rows: count, bytes }]) => ({ sweep, count, bytes }));
        output.result(data, "", (now) =>
          table(
            rows,
            [
              { title: "garbage", cell: ({ sweep }) => sweep },
              { title: dryRun ? "would go" : "gone", cell: ({ count }) => count },
              { title: "bytes", cell: ({ bytes }) => bytes },
            ],
            now,
          ),
        );
      }),
    );
  nodeFlags(group.command("identity"))
    .description("Who the node is: its account, its key, its address among peers")
    .action(
      actOnNode(runtime, async ({ node, output, signal }) => {
        const { data } = await node.call("node.identity", { signal });
        output.result(data, data.publicKey, (now) => details(data, now));
      }),
    );
  addKnownNodes(group, runtime);
}

/** Whether a node is well may be asked by anybody, what it holds only by its administrators. */
async function usage({ node, output, signal }: NodeSession): Promise<Readonly<Record<string, number>>> {
  try {
    return (await node.call("node.usage", { signal })).data;
  } catch (thrown) {
    if (!(thrown instanceof ShoalError) || !["unauthenticated", "permission_denied"].includes(thrown.code))
      throw thrown;
    output.note("what it holds is for its administrators: sign in with `shoal auth login`");
    return {};
  }
}
