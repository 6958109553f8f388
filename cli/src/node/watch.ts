/** `shoal watch` and `shoal peers`: what happens in a node now. */
import type { Command } from "commander";
import type { NodeStreamEvent } from "@shoal/client/node/client.ts";
import { clean } from "../output.ts";
import { text, type Runtime } from "../session.ts";
import { actOnNode, contextOf, nodeFlags } from "./session.ts";

export function addWatch(parent: Command, runtime: Runtime): void {
  nodeFlags(parent.command("watch"))
    .argument("<context...>", "ids or aliases")
    .option("--count <events>", "end after so many")
    .description("Prints events as they happen")
    .action(
      actOnNode(runtime, async (session, args, options) => {
        const contexts = await Promise.all(args.map((given) => contextOf(session, given)));
        const limit = Number(text(options, "count") ?? Number.POSITIVE_INFINITY);
        let seen = 0;
        for await (const event of session.node.events(contexts, session.signal)) {
          session.output.step(event, () => lineOf(event));
          if (++seen >= limit) return;
        }
      }),
    );
}

export function addPeers(parent: Command, runtime: Runtime): void {
  nodeFlags(parent.command("peers"))
    .description("How many peers the node is connected to")
    .action(
      actOnNode(runtime, async ({ node, output, signal }) => {
        const { count } = await node.call("node.peers", { signal });
        output.result({ count }, String(count), () => `${count} peers`);
      }),
    );
}

/** A line for people; what an event carries as bytes is shown as text where it is text. */
function lineOf({ contextId, groupId, type, data }: NodeStreamEvent): string {
  const events = (data as { readonly events?: readonly { readonly kind: string; readonly data: readonly number[] }[] })
    .events;
  const shown = events?.map(({ kind, data: bytes }) => `${kind} ${textOf(bytes)}`) ?? [JSON.stringify(data)];
  return clean(`${contextId ?? groupId ?? ""} ${type} ${shown.join(", ")}`);
}

function textOf(bytes: readonly number[]): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(bytes));
  } catch {
    return `${bytes.length} bytes`;
  }
}
