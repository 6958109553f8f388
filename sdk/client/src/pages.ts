/** All items of a list, page by page: the next page is asked for when its first item is. */
import type { Answer } from "@shoal/shared/wire/endpoints/index.ts";
import type { ItemOf, PagedId } from "./types.ts";

interface Page<Item> {
  readonly items: readonly Item[];
  readonly next_cursor: string | null;
}

export async function* itemsOf<Id extends PagedId>(
  page: (cursor: string | undefined) => Promise<Answer<Id>>,
): AsyncGenerator<ItemOf<Id>> {
  let cursor: string | undefined;
  do {
    // `PagedId` are the endpoints whose answer has this shape; the compiler cannot carry that through a type parameter.
    const { items, next_cursor } = (await page(cursor)) as unknown as Page<ItemOf<Id>>;
    yield* items;
    cursor = next_cursor ?? undefined;
  } while (cursor !== undefined);
}
