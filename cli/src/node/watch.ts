/** `shoal watch`: what happens in a node's contexts and groups now. */
import type { Command } from "commander";
import type { NodeStreamEvent } from "@shoal/client/node/client.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { clean } from "../output.ts";
import { texts, type Runtime } from "../session.ts";
import { wholeNumber } from "./input.ts";
import { actOnNode, contextOf, nodeFlags } from "./session.ts";

export function addWatch(parent: Command, runtime: Runtime): void {
  nodeFlags(parent.command("watch"))
    .argument("[context...]", "ids or aliases")
    .option("--group <group...>", "groups as well: who joins and leaves, upgrades")
    .option("--count <events>", "end after so many", wholeNumber(1))
    .description("Prints events as they happen, until Ctrl-C")
    .addHelpText("after", "\nExample: shoal watch kv --count 1 --output json")
    .action(
      actOnNode(runtime, async (session, args, options) => {
        const { node, output, signal } = session;
        const contextIds = await Promise.all(args.map((given) => contextOf(session, given)));
        const groupIds = texts(options, "group");
        if (contextIds.length + groupIds.length === 0)
          throw new ShoalError("invalid_argument", "name a context, or a group with --group", { field: "context" });
        const limit = Number(options["count"] ?? Number.POSITIVE_INFINITY);
        let seen = 0;
        const events = node.events({
          contextIds,
          groupIds,
          signal,
          onOpen: () => output.note("watching"),
          onCut: () => output.note("the stream was cut: events may be missing until it is open again"),
        });
        for await (const event of events) {
          output.step(event, () => lineOf(event));
          if (++seen >= limit) return;
        }
      }),
    );
}

/** A line for people; what an event carries as bytes is shown as text where it is text. */
function lineOf({ contextId, groupId, type, data }: NodeStreamEvent): string {
  const { events } = (data ?? {}) as { readonly events?: readonly { kind: string; data: readonly number[] }[] };
  const shown = events?.map(({ kind, data: bytes }) => `${kind} ${textOf(bytes)}`) ?? [JSON.stringify(data)];
  return clean(`${contextId ?? groupId ?? ""} ${type} ${shown.join(", ")}`.trimEnd());
}

function textOf(bytes: readonly number[]): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(bytes));
  } catch {
    return `${bytes.length} bytes`;
  }
}
