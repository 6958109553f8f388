/** `shoal operations`: the handles of what was asked for, and waiting for them. */
import { InvalidArgumentError, Option, type Command } from "commander";
import { milliseconds } from "@shoal/shared/base/time.ts";
import { ENDPOINTS } from "@shoal/shared/wire/endpoints/index.ts";
import type { Operation } from "@shoal/shared/wire/endpoints/operations.ts";
import { EXIT } from "../failure.ts";
import { lists } from "../lists.ts";
import { age, clean, details, type Column, type Output } from "../output.ts";
import { act, argument, type Options, type Runtime, type Session } from "../session.ts";

const COLUMNS: readonly Column<Operation>[] = [
  { title: "id", cell: (operation) => operation.id },
  { title: "kind", cell: (operation) => operation.kind },
  { title: "resource", cell: (operation) => operation.resource_id },
  { title: "state", cell: (operation) => operation.state },
  { title: "error", cell: (operation) => operation.error?.message ?? "" },
  { title: "age", cell: (operation, now) => age(operation.created_at, now) },
];

const LONGEST_TIMEOUT_SECONDS = 86_400;

export function timeoutOption(): Option {
  return new Option("--timeout <seconds>", "how long to wait").default(600).argParser((given) => {
    const seconds = /^\d{1,5}$/.test(given) ? Number(given) : 0;
    if (seconds < 1 || seconds > LONGEST_TIMEOUT_SECONDS)
      throw new InvalidArgumentError(`Expected seconds from 1 to ${LONGEST_TIMEOUT_SECONDS}.`);
    return seconds;
  });
}

/** Waits for the end of an operation; one that ended badly is told, and makes the command fail. */
export async function waitFor(session: Session, id: string, options: Options): Promise<Operation> {
  const { client, runtime, signal, output } = session;
  const timeout = milliseconds(Number(options["timeout"]) * 1000);
  const operation = await client.waitForOperation(id, { signal, timeout });
  if (operation.state !== "succeeded") {
    runtime.exitCode = EXIT.failed;
    const why = operation.error === null ? "" : `: ${clean(operation.error.message)} (${clean(operation.error.code)})`;
    runtime.streams.stderr(output.format === "json" ? "" : `error: ${operation.kind} ${operation.state}${why}\n`);
  }
  return operation;
}

export function addOperations(parent: Command, runtime: Runtime): void {
  const group = parent.command("operations").description("the handles of asynchronous requests");
  lists(runtime, group.command("list"), "operations.list", { columns: COLUMNS, name: (operation) => operation.id });
  group
    .command("get")
    .argument("<operation>")
    .description("One operation")
    .action(
      act(runtime, async ({ client, output, signal }, args) => {
        show(output, await client.call("operations.get", { params: { id: argument(args, 0) }, signal }));
      }),
    );
  group
    .command("wait")
    .argument("<operation>")
    .description("One operation, once it has ended; fails where it did not succeed")
    .addOption(timeoutOption())
    .action(
      act(runtime, async (session, args, options) => {
        show(session.output, await waitFor(session, argument(args, 0), options));
      }),
    );
  group
    .command("cancel")
    .argument("<operation>")
    .description(ENDPOINTS["operations.cancel"].summary)
    .action(
      act(runtime, async ({ client, output, signal }, args) => {
        show(output, await client.call("operations.cancel", { params: { id: argument(args, 0) }, signal }));
      }),
    );
}

function show(output: Output, operation: Operation): void {
  output.result(operation, operation.id, (now) => details(operation, now));
}
