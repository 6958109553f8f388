/** `shoal call`: methods of a context. */
import type { Command } from "commander";
import { argument, text, texts, type Runtime } from "../session.ts";
import { jsonOption } from "./input.ts";
import { actOnNode, contextOf, identityOf, nodeFlags } from "./session.ts";

export function addCall(parent: Command, runtime: Runtime): void {
  nodeFlags(parent.command("call"))
    .argument("<context>", "id or alias")
    .argument("<method>")
    .option("--args <json>", "named arguments; @file or - for standard input")
    .option("--as <identity>", "public key or alias of the identity that acts")
    .option("--substitute <alias...>", "{alias} within the arguments stands for the identity of that name")
    .description("Runs a method and prints what it returns")
    .addHelpText("after", '\nExample: shoal call kv set --args \'{"key":"a","value":"1"}\'')
    .action(
      actOnNode(runtime, async (session, args, options) => {
        const contextId = await contextOf(session, argument(args, 0));
        const as = text(options, "as");
        const executor = as === undefined ? undefined : await identityOf(session, contextId, as);
        const value = await session.node.execute({
          contextId,
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
