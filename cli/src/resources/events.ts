/** `shoal events`: what happened, and what happens. */
import type { Command } from "commander";
import { PAGE_LIMIT } from "@shoal/shared/wire/endpoints/page.ts";
import type { FeedEvent } from "@shoal/shared/wire/endpoints/events.ts";
import { limitOption } from "../lists.ts";
import { clean, table, type Column } from "../output.ts";
import { queryOf, queryOptions } from "../registry.ts";
import { act, type Options, type Runtime, type Session } from "../session.ts";

const COLUMNS: readonly Column<FeedEvent>[] = [
  { title: "at", cell: (event) => event.at },
  { title: "kind", cell: (event) => event.kind },
  { title: "resource", cell: (event) => event.resource_id },
  { title: "message", cell: (event) => (event.message === "" ? event.reason : event.message) },
];

export function addEvents(parent: Command, runtime: Runtime): void {
  queryOptions(parent.command("events"), "events.list")
    .description("Events in the order in which they happened; --follow shows them live")
    .addOption(limitOption())
    .option("-f, --follow", "go on with what happens from now (or --after) on, until Ctrl-C")
    .action(act(runtime, (session, _, options) => (options["follow"] === true ? follow : list)(session, options)));
}

async function follow({ client, output, signal }: Session, options: Options): Promise<void> {
  const query = { after: "now", ...queryOf("events.list", options) };
  for await (const event of client.events({ query, signal }))
    output.step(event, () => clean(COLUMNS.map((column) => String(column.cell(event, 0 as never))).join("  ")));
}

async function list({ client, output, signal }: Session, options: Options): Promise<void> {
  const limit = Number(options["limit"]);
  const query = queryOf("events.list", options);
  const items: FeedEvent[] = [];
  let after = query.after;
  for (;;) {
    const size = Math.min(PAGE_LIMIT.max, limit - items.length);
    const cursor = after === undefined ? {} : { after };
    const page = await client.call("events.list", { query: { ...query, ...cursor, limit: size }, signal });
    items.push(...page.items);
    after = page.next_cursor;
    if (page.items.length < size || items.length >= limit) break;
  }
  const names = items.map((event) => event.cursor).join("\n");
  output.result({ items, next_cursor: after }, names, (now) => table(items, COLUMNS, now));
  if (items.length >= limit) output.note(`more may exist: --after ${after}`);
}
