/**
 * Pages of the tree. A leaf holds entries; an inner page holds children, each with the number of entries below it, and
 * between two children the shortest key that tells them apart: everything left of it is smaller, nothing right of it is.
 */
import { BorshReader, BorshWriter } from "../../model/borsh.ts";

/** Bytes of a page before it is split. */
export const PAGE_BYTES = 4096;
/** A page below this is joined with its neighbour where both fit into one. */
export const SMALL_BYTES = PAGE_BYTES / 4;

export interface Leaf {
  readonly kind: "leaf";
  readonly id: number;
  keys: Uint8Array[];
  values: Uint8Array[];
}

export interface Inner {
  readonly kind: "inner";
  readonly id: number;
  /** One less than children. */
  separators: Uint8Array[];
  children: number[];
  counts: number[];
}

export type Page = Leaf | Inner;

const LENGTHS = 8;
const CHILD = 16;

export const entryBytes = (key: Uint8Array, value: Uint8Array): number => key.length + value.length + LENGTHS;

/** What the page takes, to within its few bytes of head. */
export function bytesOf(page: Page): number {
  let bytes = 0;
  if (page.kind === "leaf") {
    for (let at = 0; at < page.keys.length; at++) bytes += entryBytes(page.keys[at]!, page.values[at]!);
    return bytes;
  }
  for (const separator of page.separators) bytes += separator.length;
  return bytes + page.children.length * CHILD;
}

export const entriesOf = (page: Page): number =>
  page.kind === "leaf" ? page.keys.length : page.counts.reduce((sum, count) => sum + count, 0);

export function writePage(page: Page): Uint8Array {
  const writer = new BorshWriter();
  if (page.kind === "leaf") {
    writer.u8(0).u32(page.keys.length);
    for (let at = 0; at < page.keys.length; at++) writer.bytes(page.keys[at]!).bytes(page.values[at]!);
    return writer.done();
  }
  writer.u8(1).u32(page.children.length);
  for (let at = 0; at < page.children.length; at++) {
    writer.u64(BigInt(page.children[at]!)).u64(BigInt(page.counts[at]!));
    if (at > 0) writer.bytes(page.separators[at - 1]!);
  }
  return writer.done();
}

/** Throws `invalid_argument` for bytes that are no page. */
export function readPage(id: number, bytes: Uint8Array): Page {
  const reader = new BorshReader(bytes);
  const leaf = reader.tag(2) === 0;
  const count = reader.u32();
  if (leaf) {
    const page: Leaf = { kind: "leaf", id, keys: [], values: [] };
    for (let at = 0; at < count; at++) {
      page.keys.push(reader.bytes());
      page.values.push(reader.bytes());
    }
    reader.end();
    return page;
  }
  const page: Inner = { kind: "inner", id, separators: [], children: [], counts: [] };
  for (let at = 0; at < count; at++) {
    page.children.push(Number(reader.u64()));
    page.counts.push(Number(reader.u64()));
    if (at > 0) page.separators.push(reader.bytes());
  }
  reader.end();
  return page;
}

/** Position of the first key that is not smaller than `key`. */
export function lowerBound(keys: readonly Uint8Array[], key: Uint8Array): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (Buffer.compare(keys[middle]!, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Which child `key` belongs under. */
export function childOf(page: Inner, key: Uint8Array): number {
  const at = lowerBound(page.separators, key);
  const separator = page.separators[at];
  return separator !== undefined && Buffer.compare(separator, key) === 0 ? at + 1 : at;
}

/** The shortest prefix of `right` that is larger than `left`, which is smaller than `right`. */
export function separatorOf(left: Uint8Array, right: Uint8Array): Uint8Array {
  let same = 0;
  while (same < left.length && left[same] === right[same]) same += 1;
  return right.slice(0, same + 1);
}
