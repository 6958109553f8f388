/**
 * Where a page ended, as opaque text: the sort key's two parts of the last row. Times travel in microseconds, as
 * PostgreSQL keeps them: a JavaScript date would cut them off, and rows of the same millisecond would be lost or doubled.
 */
import { sql, type RawBuilder } from "kysely";
import { ShoalError } from "@shoal/shared/base/errors.ts";

export interface Cursor {
  /** Microseconds since the epoch. */
  readonly at: string;
  readonly id: string;
}

export interface PageRequest {
  readonly limit: number;
  readonly after: Cursor | undefined;
}

export interface Page<Row> {
  readonly rows: readonly Row[];
  /** Undefined on the last page. */
  readonly next: Cursor | undefined;
}

const CURSOR = /^([0-9]{1,16})\.([^\0]{1,300})$/;

export function encodeCursor(cursor: Cursor): string {
  return Buffer.from(`${cursor.at}.${cursor.id}`).toString("base64url");
}

/** Throws `invalid_argument` where the text is no cursor of ours. */
export function decodeCursor(text: string | undefined): Cursor | undefined {
  if (text === undefined) return undefined;
  const decoded = Buffer.from(text, "base64url").toString();
  const match = CURSOR.exec(decoded);
  if (match?.[1] === undefined || match[2] === undefined || encodeCursor({ at: match[1], id: match[2] }) !== text)
    throw new ShoalError("invalid_argument", "is no cursor that a page of this list gave", { field: "cursor" });
  return { at: match[1], id: match[2] };
}

/** A timestamp column in microseconds: the `page_at` that `toPage` reads. */
export function micros(column: string): RawBuilder<string> {
  return sql<string>`(extract(epoch from ${sql.ref(column)}) * 1000000)::bigint::text`;
}

function keyOf(cursor: Cursor): RawBuilder<unknown> {
  return sql`('epoch'::timestamptz + ${cursor.at}::bigint * interval '1 microsecond', ${cursor.id}::text)`;
}

/** Rows after the cursor where the newest comes first. */
export function olderThan(at: string, id: string, cursor: Cursor | undefined): RawBuilder<boolean> {
  if (cursor === undefined) return sql<boolean>`true`;
  return sql<boolean>`(${sql.ref(at)}, ${sql.ref(id)}) < ${keyOf(cursor)}`;
}

/** Rows after the cursor where the oldest comes first. */
export function newerThan(at: string, id: string, cursor: Cursor | undefined): RawBuilder<boolean> {
  if (cursor === undefined) return sql<boolean>`true`;
  return sql<boolean>`(${sql.ref(at)}, ${sql.ref(id)}) > ${keyOf(cursor)}`;
}

/** A page from `limit + 1` rows: the one too many says that there is a next page. */
export function toPage<Row extends { readonly page_at: string }>(
  rows: readonly Row[],
  limit: number,
  idOf: (row: Row) => string,
): Page<Row> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    rows: shown,
    next: rows.length > limit && last !== undefined ? { at: last.page_at, id: idOf(last) } : undefined,
  };
}
