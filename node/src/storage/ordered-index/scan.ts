/** Reading: one key, a range from an offset, the last of a range. */
import { childOf, lowerBound, type Page } from "./page.ts";
import type { Pages } from "./pages.ts";

export type Entry = readonly [key: Uint8Array, value: Uint8Array];

export function get(pages: Pages, key: Uint8Array): Uint8Array | undefined {
  if (pages.root === undefined) return undefined;
  let page = pages.get(pages.root);
  while (page.kind === "inner") page = pages.get(page.children[childOf(page, key)]!);
  const at = lowerBound(page.keys, key);
  const found = page.keys[at];
  return found !== undefined && Buffer.compare(found, key) === 0 ? page.values[at] : undefined;
}

interface Walk {
  readonly lo: Uint8Array;
  readonly hi: Uint8Array | undefined;
  skip: number;
  left: number;
  readonly out: Entry[];
}

/** At most `limit` entries of [lo, hi) after the first `offset` of them, in key order. */
export function scan(
  pages: Pages,
  lo: Uint8Array,
  hi: Uint8Array | undefined,
  offset: number,
  limit: number,
): readonly Entry[] {
  const walk: Walk = { lo, hi, skip: offset, left: limit, out: [] };
  if (pages.root !== undefined) walkPage(pages, pages.get(pages.root), walk);
  return walk.out;
}

function walkPage(pages: Pages, page: Page, walk: Walk): void {
  const { lo, hi } = walk;
  if (page.kind === "leaf") {
    const end = hi === undefined ? page.keys.length : lowerBound(page.keys, hi);
    const from = lowerBound(page.keys, lo) + walk.skip;
    walk.skip = Math.max(0, from - Math.max(end, lowerBound(page.keys, lo)));
    for (let at = from; at < end && walk.left > 0; at++, walk.left--) {
      walk.out.push([page.keys[at]!, page.values[at]!]);
    }
    return;
  }
  for (let at = childOf(page, lo); at < page.children.length && walk.left > 0; at++) {
    const first = page.separators[at - 1];
    const end = page.separators[at];
    if (first !== undefined && hi !== undefined && Buffer.compare(first, hi) >= 0) return;
    const whole =
      first !== undefined &&
      Buffer.compare(first, lo) >= 0 &&
      (hi === undefined || (end !== undefined && Buffer.compare(end, hi) <= 0));
    if (whole && page.counts[at]! <= walk.skip) walk.skip -= page.counts[at]!;
    else walkPage(pages, pages.get(page.children[at]!), walk);
  }
}

/** The entry with the largest key of [lo, hi). */
export function last(pages: Pages, lo: Uint8Array, hi: Uint8Array | undefined): Entry | undefined {
  return pages.root === undefined ? undefined : lastOf(pages, pages.get(pages.root), lo, hi);
}

function lastOf(pages: Pages, page: Page, lo: Uint8Array, hi: Uint8Array | undefined): Entry | undefined {
  if (page.kind === "leaf") {
    const at = (hi === undefined ? page.keys.length : lowerBound(page.keys, hi)) - 1;
    const key = page.keys[at];
    return key !== undefined && Buffer.compare(key, lo) >= 0 ? [key, page.values[at]!] : undefined;
  }
  const from = hi === undefined ? page.children.length - 1 : childOf(page, hi);
  for (let at = from; at >= childOf(page, lo); at--) {
    const found = lastOf(pages, pages.get(page.children[at]!), lo, hi);
    if (found !== undefined) return found;
  }
  return undefined;
}
