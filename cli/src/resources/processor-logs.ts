/** `shoal processors logs`: the pod's own words, as they are. */
import type { Command } from "commander";
import { ENDPOINTS } from "@shoal/shared/wire/endpoints/index.ts";
import { queryOf, queryOptions } from "../registry.ts";
import { act, argument, type Runtime } from "../session.ts";

export function addLogs(group: Command, runtime: Runtime): void {
  queryOptions(group.command("logs").argument("<processor>", "id or name"), "processors.logs")
    .description(ENDPOINTS["processors.logs"].summary)
    .action(
      act(runtime, async ({ client, output, signal }, args, options) => {
        const input = { params: { id: argument(args, 0) }, query: queryOf("processors.logs", options), signal };
        for await (const line of client.logs(input)) {
          if (output.format === "json") output.step({ line }, () => line);
          else output.line(line);
        }
      }),
    );
}
