/**
 * `shoal processors watch`: a line for each change of stage or of a condition. Events say when to look; what is shown is the
 * processor itself, so that a missed event is a late line and never a wrong one.
 */
import type { Command } from "commander";
import { toIso } from "@shoal/shared/base/time.ts";
import type { Processor } from "@shoal/shared/wire/endpoints/processors.ts";
import { clean } from "../output.ts";
import { act, argument, type Runtime } from "../session.ts";

export function addWatch(group: Command, runtime: Runtime): void {
  group
    .command("watch")
    .argument("<processor>", "id or name")
    .description("Shows stage and conditions as they change, until the processor is gone or Ctrl-C")
    .action(
      act(runtime, async ({ client, output, signal }, args) => {
        // The cursor is taken before the first look: what happens between the two is seen twice rather than never.
        const start = await client.call("events.list", { query: { after: "now", limit: 1 }, signal });
        let processor = await client.call("processors.get", { params: { id: argument(args, 0) }, signal });
        const show = (before: Processor | undefined): void => {
          const lines = changes(before, processor);
          if (lines.length === 0) return;
          const at = toIso(runtime.streams.now()).slice(11, 19);
          output.step(processor, () => lines.map((line) => `${at}  ${line}`).join("\n"));
        };
        show(undefined);
        if (processor.status === "terminated") return;
        const query = { after: start.next_cursor, resource: processor.id };
        for await (const _ of client.events({ query, signal })) {
          const before = processor;
          processor = await client.call("processors.get", { params: { id: processor.id }, signal });
          show(before);
          if (processor.status === "terminated") return;
        }
      }),
    );
}

/** What differs, a line each. */
export function changes(before: Processor | undefined, after: Processor): string[] {
  const lines: string[] = [];
  const stage = (processor: Processor): string =>
    `${processor.status} (${processor.stage}), generation ${processor.generation}`;
  if (before === undefined || stage(before) !== stage(after)) lines.push(stage(after));
  if (after.host_name !== null && before?.host_name !== after.host_name) lines.push(`  on ${clean(after.host_name)}`);
  for (const condition of after.conditions) {
    const { type, status, reason, message } = condition;
    const former = before?.conditions.find((each) => each.type === type);
    const isSame = former?.status === status && former.reason === reason && former.message === message;
    if (!isSame) lines.push(clean(`  ${type}=${status} ${reason}${message === "" ? "" : `: ${message}`}`));
  }
  return lines;
}
