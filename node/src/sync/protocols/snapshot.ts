/**
 * A context's state in pages, as a joining replica asks for it: rows in the order of their keys, then the ids of the deltas that
 * are in them. The key of a page's last row, or its last id, is where the next page goes on, so a restart loses nothing.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { BorshReader, BorshWriter } from "../../model/borsh.ts";
import { bytesOf, idOf, type Hash } from "../../model/ids.ts";
import type { IdItem, SnapshotBoundary, StateRow } from "./contract.ts";
import { MAX_PAGE, packPage, unpackPage } from "./page.ts";

/** Ids in one page. */
const MAX_PAGE_IDS = 65_536;
/** Heads of a boundary, and bytes of one of them. */
const MAX_HEADS = 1024;
const MAX_TEXT = 1024;
const LAYOUTS = ["host", "guest", "empty"] as const;
/** The largest row that a run may write, and what stands around it: such a row is alone in its page. */
const MAX_ROW_PAGE = 12 * 1024 * 1024;

/** A page of what `ReplicaSnapshot.rows` gathered. Throws `payload_too_large` beyond `MAX_PAGE` bytes of more than one row. */
export function encodeRowsPage(rows: readonly StateRow[]): Uint8Array {
  const raw = new BorshWriter().vec(rows, (writer, { key, value }) => void writer.bytes(key).bytes(value)).done();
  return packPage(raw, rows.length === 1 ? MAX_ROW_PAGE : MAX_PAGE);
}

/** Throws `invalid_argument` for anything but rows with ascending keys; `payload_too_large` as `unpackPage` does. */
export function decodeRowsPage(page: Uint8Array): readonly StateRow[] {
  const raw = unpackPage(page, MAX_ROW_PAGE);
  const reader = new BorshReader(raw);
  const rows = reader.vec((inner): StateRow => ({ key: inner.bytes(), value: inner.bytes() }));
  reader.end();
  if (raw.length > MAX_PAGE && rows.length !== 1) throw wrong("rows", "a large row to be alone in its page");
  let before: Uint8Array | undefined;
  for (const { key } of rows) {
    if (before !== undefined && Buffer.compare(before, key) >= 0) throw wrong("rows", "keys in ascending order");
    before = key;
  }
  return rows;
}

export function encodeIdsPage(items: readonly IdItem[]): Uint8Array {
  return packPage(new BorshWriter().vec(items, (writer, { time, id }) => void writer.u64(time).fixed(id)).done());
}

/** Throws `invalid_argument` for anything but ids in the order of their time; `payload_too_large` as `unpackPage` does. */
export function decodeIdsPage(page: Uint8Array): readonly IdItem[] {
  const raw = unpackPage(page);
  const reader = new BorshReader(raw);
  const count = reader.u32();
  if (count > MAX_PAGE_IDS) throw wrong("ids", `at most ${MAX_PAGE_IDS} ids`);
  const items: IdItem[] = [];
  for (let n = 0; n < count; n++) items.push({ time: reader.u64(), id: reader.fixed(32) });
  reader.end();
  for (let n = 1; n < items.length; n++) {
    if (compareItems(items[n - 1]!, items[n]!) >= 0) throw wrong("ids", "ids in the order of their time");
  }
  return items;
}

const compareItems = (a: IdItem, b: IdItem): number =>
  a.time === b.time ? Buffer.compare(a.id, b.id) : a.time < b.time ? -1 : 1;

/** After which id to go on: 40 bytes. */
export const encodeIdKey = ({ time, id }: IdItem): Uint8Array => new BorshWriter().u64(time).fixed(id).done();

export function decodeIdKey(bytes: Uint8Array): IdItem {
  const reader = new BorshReader(bytes);
  const item = { time: reader.u64(), id: reader.fixed(32) };
  reader.end();
  return item;
}

export function encodeBoundary(boundary: SnapshotBoundary): Uint8Array {
  const { root, heads, layout, deltas, applicationId, version, service, appKey, moved } = boundary;
  return new BorshWriter()
    .fixed(bytesOf(root))
    .vec(heads, (writer, head) => void writer.bytes(head))
    .u8(LAYOUTS.indexOf(layout))
    .u32(deltas)
    .string(applicationId)
    .string(version)
    .string(service)
    .string(appKey)
    .option(moved, (writer, { time, id }) => writer.u64(BigInt(time)).fixed(bytesOf(id)))
    .done();
}

/** Throws `invalid_argument` for anything but a boundary of sizes that an honest peer sends. */
export function decodeBoundary(bytes: Uint8Array): SnapshotBoundary {
  if (bytes.length > MAX_PAGE)
    throw new ShoalError("payload_too_large", `a boundary of at most ${MAX_PAGE} bytes expected`);
  const reader = new BorshReader(bytes);
  const root = idOf<Hash>(reader.fixed(32));
  const count = reader.u32();
  if (count > MAX_HEADS) throw wrong("heads", `at most ${MAX_HEADS} heads`);
  const heads = Array.from({ length: count }, () => reader.bytes());
  const layout = LAYOUTS[reader.tag(LAYOUTS.length)]!;
  const deltas = reader.u32();
  const [applicationId, version, service] = [reader.string(), reader.string(), reader.string()];
  const appKey = reader.string();
  const moved = reader.option((inner) => ({ time: inner.u64().toString(), id: idOf<Hash>(inner.fixed(32)) }));
  reader.end();
  if ([applicationId, version, service, appKey].some((text) => text.length > MAX_TEXT)) {
    throw wrong("boundary", `names of at most ${MAX_TEXT} characters`);
  }
  const known = { root, heads, layout, deltas, applicationId, version, service, appKey };
  return moved === undefined ? known : { ...known, moved };
}

const wrong = (field: string, expected: string): ShoalError =>
  new ShoalError("invalid_argument", `${expected} expected`, { field });
