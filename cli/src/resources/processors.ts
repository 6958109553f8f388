/** `shoal processors`: asking for them, and seeing how far they have come. Logs and the live view have files of their own. */
import { Option, type Command } from "commander";
import type { Answer } from "@shoal/shared/wire/endpoints/index.ts";
import { ENDPOINTS } from "@shoal/shared/wire/endpoints/index.ts";
import type { Processor } from "@shoal/shared/wire/endpoints/processors.ts";
import { configOf, configOptions } from "../config-input.ts";
import { lists } from "../lists.ts";
import { age, details, table, type Column } from "../output.ts";
import { bodyOf, bodyOptions } from "../registry.ts";
import { act, argument, text, type Options, type Runtime, type Session } from "../session.ts";
import { timeoutOption, waitFor } from "./operations.ts";
import { addLogs } from "./processor-logs.ts";
import { addWatch } from "./processor-watch.ts";

type Condition = Processor["conditions"][number];

/** The first condition that is not true, in words: what the processor waits for. */
export function waitsFor(processor: Processor): string {
  if (processor.status === "terminated") return "";
  const condition = processor.conditions.find((each) => each.status !== "True");
  return condition === undefined
    ? ""
    : `${condition.type}: ${condition.message === "" ? condition.reason : condition.message}`;
}

const COLUMNS: readonly Column<Processor>[] = [
  { title: "name", cell: (processor) => processor.name },
  { title: "template", cell: (processor) => processor.template },
  { title: "status", cell: (processor) => processor.status },
  { title: "waits for", cell: waitsFor },
  { title: "host", cell: (processor) => processor.host_name },
  { title: "age", cell: (processor, now) => age(processor.created_at, now) },
];

const CONDITION_COLUMNS: readonly Column<Condition>[] = [
  { title: "condition", cell: (condition) => condition.type },
  { title: "status", cell: (condition) => condition.status },
  { title: "reason", cell: (condition) => condition.reason },
  { title: "message", cell: (condition) => condition.message },
  { title: "for", cell: (condition, now) => age(condition.since, now) },
];

export function addProcessors(parent: Command, runtime: Runtime): void {
  const group = parent
    .command("processors")
    .description("stateful stream processors: one row, one pod, one activation");
  lists(runtime, group.command("list"), "processors.list", { columns: COLUMNS, name: (processor) => processor.name });
  group
    .command("get")
    .argument("<processor>", "id or name")
    .description("One processor with its conditions")
    .action(
      act(runtime, async ({ client, output, signal }, args) => {
        const processor = await client.call("processors.get", { params: { id: argument(args, 0) }, signal });
        const { conditions, ...rest } = processor;
        output.result(
          processor,
          processor.name,
          (now) => `${details(rest, now)}\n\n${table(conditions, CONDITION_COLUMNS, now)}`,
        );
      }),
    );
  addCreate(group, runtime);
  addUpdate(group, runtime);
  addPlain(group, runtime, "delete");
  addPlain(group, runtime, "restart");
  addLogs(group, runtime);
  addWatch(group, runtime);
}

function waitOptions(command: Command): Command {
  return command.option("--wait", "until it is so; fails where it cannot be").addOption(timeoutOption());
}

/** Shows what was accepted; with `--wait`, once it has become so. */
async function follow(session: Session, accepted: Answer<"processors.create">, options: Options): Promise<void> {
  const { output, client, signal } = session;
  let { operation, processor } = accepted;
  if (options["wait"] === true) {
    output.note(`waiting for ${operation.kind} of ${processor.name} (${operation.id})`);
    operation = await waitFor(session, operation.id, options);
    processor = await client.call("processors.get", { params: { id: processor.id }, signal });
  }
  output.result({ operation, processor }, processor.name, (now) =>
    options["wait"] === true
      ? table([processor], COLUMNS, now)
      : `${operation.kind} of ${processor.name} is accepted\nsee it happen: shoal processors watch ${processor.name}\nwait for it:   shoal operations wait ${operation.id}`,
  );
}

function addCreate(group: Command, runtime: Runtime): void {
  const create = group
    .command("create")
    .argument("<name>", "a DNS label, such as meter-1")
    .description(ENDPOINTS["processors.create"].summary);
  waitOptions(configOptions(bodyOptions(create, "processors.create", ["name", "config"]))).action(
    act(runtime, async (session, args, options) => {
      const config = await configOf(options);
      const body = bodyOf("processors.create", options, { name: argument(args, 0), config: config ?? {} });
      await follow(session, await session.client.call("processors.create", { body, signal: session.signal }), options);
    }),
  );
}

function addUpdate(group: Command, runtime: Runtime): void {
  const update = group
    .command("update")
    .argument("<processor>", "id or name")
    .description("Merges a change into what is asked for: fields of --config replace, null removes")
    .option("--name <name>", "a new name");
  waitOptions(configOptions(update))
    .addOption(new Option("--unset-env <name...>", "environment variables to remove"))
    .addOption(
      new Option("--if-match <generation>", "refuse where it is no longer at this generation").argParser(Number),
    )
    .action(
      act(runtime, async (session, args, options) => {
        const { client, signal } = session;
        const params = { id: argument(args, 0) };
        const config = await configOf(options);
        const name = text(options, "name");
        const known = options["ifMatch"] as number | undefined;
        const ifMatch = known ?? (await client.call("processors.get", { params, signal })).generation;
        const body = { ...(name === undefined ? {} : { name }), ...(config === undefined ? {} : { config }) };
        await follow(session, await client.call("processors.update", { params, body, ifMatch, signal }), options);
      }),
    );
}

function addPlain(group: Command, runtime: Runtime, verb: "delete" | "restart"): void {
  const command = group
    .command(verb)
    .argument("<processor>", "id or name")
    .description(ENDPOINTS[`processors.${verb}`].summary);
  waitOptions(command).action(
    act(runtime, async (session, args, options) => {
      const input = { params: { id: argument(args, 0) }, signal: session.signal };
      await follow(session, await session.client.call(`processors.${verb}`, input), options);
    }),
  );
}
