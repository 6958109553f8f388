/** The list command of any resource: filters out of the registry, pages until the limit, a note where more exist. */
import { InvalidArgumentError, Option, type Command } from "commander";
import type { ItemOf, PagedId } from "@shoal/client/index.ts";
import { ENDPOINTS, type EndpointId } from "@shoal/shared/wire/endpoints/index.ts";
import { PAGE_LIMIT } from "@shoal/shared/wire/endpoints/page.ts";
import { table, type Column } from "./output.ts";
import { queryOf, queryOptions } from "./registry.ts";
import { act, type Runtime, type Session } from "./session.ts";

const LONGEST_LIST = 10_000;

export interface ListOf<Item> {
  readonly columns: readonly Column<Item>[];
  /** What `--quiet` prints of each. */
  readonly name: (item: Item) => string;
  /** Path parameters out of the arguments. */
  readonly params?: (args: readonly string[]) => Readonly<Record<string, string>>;
}

export function limitOption(): Option {
  return new Option("--limit <count>", `how many at most, up to ${LONGEST_LIST}`)
    .default(PAGE_LIMIT.default)
    .argParser((given) => {
      const limit = /^\d{1,5}$/.test(given) ? Number(given) : 0;
      if (limit < 1 || limit > LONGEST_LIST) throw new InvalidArgumentError(`Expected 1 to ${LONGEST_LIST}.`);
      return limit;
    });
}

/** Makes `command` list what the endpoint lists. */
export function lists<Id extends PagedId>(runtime: Runtime, command: Command, id: Id, list: ListOf<ItemOf<Id>>): void {
  queryOptions(command, id)
    .description(ENDPOINTS[id].summary)
    .addOption(limitOption())
    .action(
      act(runtime, async (session, args, options) => {
        const found = await collect<ItemOf<Id>>(session, id, Number(options["limit"]), {
          params: list.params?.(args),
          query: queryOf(id, options),
        });
        const names = found.items.map(list.name).join("\n");
        session.output.result(found, names, (now) => table(found.items, list.columns, now));
        if (found.next_cursor !== null) session.output.note(`more exist: raise --limit above ${found.items.length}`);
      }),
    );
}

interface Page<Item> {
  readonly items: readonly Item[];
  readonly next_cursor: string | null;
}

async function collect<Item>(session: Session, id: EndpointId, limit: number, input: object): Promise<Page<Item>> {
  // One function for every list: the registry types each endpoint by itself, this code only knows that it is a list.
  const call = session.client.call as unknown as (id: EndpointId, input: object) => Promise<Page<Item>>;
  const { query } = input as { readonly query: object };
  const items: Item[] = [];
  let cursor: string | undefined;
  do {
    const left = Math.min(PAGE_LIMIT.max, limit - items.length);
    const page = await call(id, {
      ...input,
      query: { ...query, limit: left, ...(cursor === undefined ? {} : { cursor }) },
      signal: session.signal,
    });
    items.push(...page.items);
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined && items.length < limit);
  return { items, next_cursor: cursor ?? null };
}
