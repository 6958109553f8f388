/** Lists as they are asked for and answered. */
import { decodeCursor, encodeCursor, type Page, type PageRequest } from "../store/paging/cursor.ts";

export function pageRequest(query: { readonly limit: number; readonly cursor?: string | undefined }): PageRequest {
  return { limit: query.limit, after: decodeCursor(query.cursor) };
}

export function pageBody<Row, Item>(
  page: Page<Row>,
  show: (row: Row) => Item,
): { items: Item[]; next_cursor: string | null } {
  return {
    items: page.rows.map((row) => show(row)),
    next_cursor: page.next === undefined ? null : encodeCursor(page.next),
  };
}

export function isoOrNull(at: Date | null): string | null {
  return at === null ? null : at.toISOString();
}
