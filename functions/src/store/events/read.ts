/**
 * The event feed in the order of the transactions that told it. Only what lies below the snapshot's xmin is read: below it
 * every transaction has ended, so that none that commits late is ever skipped. The cursor then moves to that edge, also
 * where there was nothing.
 */
import { sql, type RawBuilder } from "kysely";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Tx } from "../database.ts";

export interface EventCursor {
  /** Transaction (xid8) and event number; everything up to and with them was read. */
  readonly seq: bigint;
  readonly id: bigint;
}

export interface EventRow {
  readonly id: string;
  readonly change_seq: string;
  readonly at: Date;
  readonly kind: string;
  readonly resource_kind: string;
  readonly resource_id: string;
  readonly generation: string | null;
  readonly reason: string;
  readonly message: string;
  readonly data: unknown;
  readonly trace_id: string | null;
}

export interface EventFilter {
  readonly resource: string | undefined;
  /** A kind, or a prefix that ends in `*`. */
  readonly kind: string | undefined;
}

export interface EventPage {
  readonly rows: readonly EventRow[];
  /** Go on after it. */
  readonly next: EventCursor;
  /** There may be more already. */
  readonly isFull: boolean;
}

export const FEED_START: EventCursor = { seq: 0n, id: 0n };

const CURSOR = /^([0-9]{1,19})\.([0-9]{1,18})$/;

export function encodeEventCursor(cursor: EventCursor): string {
  return `${cursor.seq}.${cursor.id}`;
}

/** Throws `invalid_argument` with `field` where the text is no cursor of ours. */
export function decodeEventCursor(text: string, field: string): EventCursor {
  const match = CURSOR.exec(text);
  if (match?.[1] === undefined || match[2] === undefined)
    throw new ShoalError("invalid_argument", `${field}: is no cursor that this feed gave`, { field });
  return { seq: BigInt(match[1]), id: BigInt(match[2]) };
}

export function cursorOf(row: Pick<EventRow, "id" | "change_seq">): EventCursor {
  return { seq: BigInt(row.change_seq), id: BigInt(row.id) };
}

/** Negative where `a` comes before `b`. */
export function compareCursors(a: EventCursor, b: EventCursor): number {
  if (a.seq !== b.seq) return a.seq < b.seq ? -1 : 1;
  return a.id === b.id ? 0 : a.id < b.id ? -1 : 1;
}

/** The edge of what has happened already. */
export async function eventHead(tx: Tx): Promise<EventCursor> {
  const { rows } = await sql<{ edge: string }>`
    select pg_snapshot_xmin(pg_current_snapshot())::text as edge`.execute(tx);
  return { seq: BigInt(rows[0]?.edge ?? "0"), id: 0n };
}

export async function readEvents(
  tx: Tx,
  organisationId: string,
  filter: EventFilter,
  after: EventCursor,
  limit: number,
): Promise<EventPage> {
  const { rows } = await sql<{ edge: string } & { [Column in keyof EventRow]: EventRow[Column] | null }>`
    with edge as materialized (select pg_snapshot_xmin(pg_current_snapshot()) as xmin)
    select edge.xmin::text as edge, e.id, e.change_seq::text as change_seq, e.at, e.kind, e.resource_kind, e.resource_id,
      e.generation, e.reason, e.message, e.data, e.trace_id
    from edge left join lateral (
      select * from events
      where organisation_id = ${organisationId} and change_seq < edge.xmin
        and (change_seq, id) > (${String(after.seq)}::xid8, ${String(after.id)}::bigint)
        and ${resourceIs(filter.resource)} and ${kindIs(filter.kind)}
      order by change_seq, id limit ${limit}) e on true
    order by e.change_seq, e.id`.execute(tx);
  // The left join's one row of nulls says that there was none.
  const found = rows.filter((row): row is EventRow & { edge: string } => row.id !== null);
  const last = found.at(-1);
  const isFull = found.length >= limit;
  const edge: EventCursor = { seq: BigInt(rows[0]?.edge ?? "0"), id: 0n };
  // A cursor from before a restore may lie ahead of the edge: it never goes back.
  const ahead = compareCursors(edge, after) > 0 ? edge : after;
  return { rows: found, next: isFull && last !== undefined ? cursorOf(last) : ahead, isFull };
}

function resourceIs(resource: string | undefined): RawBuilder<unknown> {
  return resource === undefined ? sql`true` : sql`resource_id = ${resource}`;
}

function kindIs(kind: string | undefined): RawBuilder<unknown> {
  if (kind === undefined) return sql`true`;
  return kind.endsWith("*") ? sql`starts_with(kind, ${kind.slice(0, -1)})` : sql`kind = ${kind}`;
}

/** The same filter over rows that are in memory already. */
export function matches(row: Pick<EventRow, "kind" | "resource_id">, filter: EventFilter): boolean {
  if (filter.resource !== undefined && row.resource_id !== filter.resource) return false;
  if (filter.kind === undefined) return true;
  return filter.kind.endsWith("*") ? row.kind.startsWith(filter.kind.slice(0, -1)) : row.kind === filter.kind;
}
