/**
 * Logs from disk. A release that reads other rows than its predecessor raises `FORMAT`; the next start then writes what it
 * needs anew, in one batch, and nothing of the old rows is left.
 */
import type { Log } from "@shoal/shared/base/log.ts";
import { bytesOf, idOf, type GroupId, type Hash } from "../model/ids.ts";
import type { Row, Store } from "../storage/store.ts";
import { Book } from "./book.ts";
import { groupInKey, groupKey, PREFIX, prefixOf } from "./keys.ts";
import { opRow, readLogs } from "./log-rows.ts";
import { claimRows, type Places } from "./places.ts";
import { encodeOp } from "./rules/parse.ts";
import { restoreRooms } from "./waiting-room.ts";
import { prefixRange } from "../storage/keys.ts";

const FORMAT = 2;
const FORMAT_KEY = Uint8Array.of(PREFIX.format);

/** Format 1 kept the state as rows, the heads, and a second key of each op. */
const FORMER_PREFIXES = [0x20, 0x21, 0x22, 0x23, 0x28, 0x2c, 0x31, 0x38, 0x3b, 0x50];

export function expectedRow(namespaceId: GroupId, genesis: Hash | undefined): Row {
  const value = genesis === undefined ? new Uint8Array() : bytesOf(genesis);
  return { column: "group", key: groupKey(PREFIX.expected, namespaceId), value };
}

/** Folds every log, and gives each id that nobody holds yet to the first that has it. */
export async function openBooks(store: Store, log: Log, places: Places): Promise<Map<GroupId, Book>> {
  await renewIfOlder(store, log);
  const books = new Map<GroupId, Book>();
  const bookOf = (namespaceId: GroupId, genesis?: Hash): Book => {
    const book = books.get(namespaceId) ?? new Book(namespaceId, genesis);
    books.set(namespaceId, book);
    return book;
  };
  for await (const [key, value] of store.scan("group", prefixOf(PREFIX.expected))) {
    bookOf(groupInKey(key), value.length === 0 ? undefined : idOf<Hash>(value));
  }
  for await (const { namespaceId, position, logged } of readLogs(store)) {
    const added = bookOf(namespaceId).take(logged, position);
    if (added.kind !== "added") log.warn({ namespace: namespaceId, op: logged.hash, added }, "an op is not taken back");
  }
  await restoreRooms(store, (namespaceId) => bookOf(namespaceId).room);
  const rows: Row[] = [];
  for (const { namespaceId, history } of books.values()) {
    if (history.state === undefined) continue;
    const claims = places.claims(history.state, false);
    places.move(history.state, claims);
    rows.push(...claimRows(namespaceId, claims));
  }
  if (rows.length > 0) await store.apply(rows);
  return books;
}

async function renewIfOlder(store: Store, log: Log): Promise<void> {
  const format = store.get("group", FORMAT_KEY)?.[0];
  if (format === FORMAT) return;
  const rows: Row[] = [{ column: "group", key: FORMAT_KEY, value: Uint8Array.of(FORMAT) }];
  for (const prefix of FORMER_PREFIXES) {
    for await (const [key] of store.scan("group", prefixRange(Uint8Array.of(prefix)))) {
      rows.push({ column: "group", key: Uint8Array.from(key), value: undefined });
    }
  }
  let ops = 0;
  for await (const { namespaceId, position, logged } of readLogs(store)) {
    rows.push(opRow(namespaceId, position, encodeOp(logged.op)));
    ops += 1;
  }
  await store.apply(rows);
  await store.durable();
  if (ops > 0) log.info({ ops, from: format, to: FORMAT }, "group rows were made anew");
}
