/** Removing a range: subtrees within it go whole, what is left at its two ends is joined with its neighbours. */
import { bytesOf, entriesOf, PAGE_BYTES, SMALL_BYTES, lowerBound } from "./page.ts";
import type { Inner, Page } from "./page.ts";
import type { Pages } from "./pages.ts";

/** Removes keys `>= lo` and `< hi` (undefined: no bound); how many there were. */
export function removeRange(pages: Pages, lo: Uint8Array, hi: Uint8Array | undefined): number {
  if (pages.root === undefined) return 0;
  const removed = removeFrom(pages, pages.get(pages.root), lo, hi);
  if (removed === 0) return 0;
  for (;;) {
    const root: Page = pages.get(pages.root);
    if (entriesOf(root) === 0) {
      pages.drop(root.id);
      pages.root = undefined;
      return removed;
    }
    const [only] = root.kind === "inner" ? root.children : [];
    if (root.kind === "leaf" || root.children.length > 1 || only === undefined) return removed;
    pages.drop(root.id);
    pages.root = only;
  }
}

function removeFrom(pages: Pages, page: Page, lo: Uint8Array, hi: Uint8Array | undefined): number {
  if (page.kind === "leaf") {
    const from = lowerBound(page.keys, lo);
    const to = hi === undefined ? page.keys.length : lowerBound(page.keys, hi);
    if (to <= from) return 0;
    page.keys.splice(from, to - from);
    page.values.splice(from, to - from);
    pages.put(page);
    return to - from;
  }
  let removed = 0;
  for (let at = 0; at < page.children.length; at++) {
    const first = at === 0 ? undefined : page.separators[at - 1]!;
    const end = page.separators[at];
    if (end !== undefined && Buffer.compare(end, lo) <= 0) continue;
    if (first !== undefined && hi !== undefined && Buffer.compare(first, hi) >= 0) break;
    const inside =
      first !== undefined &&
      Buffer.compare(first, lo) >= 0 &&
      (hi === undefined || (end !== undefined && Buffer.compare(end, hi) <= 0));
    if (inside) {
      removed += page.counts[at]!;
      page.counts[at] = 0;
    } else {
      const here = removeFrom(pages, pages.get(page.children[at]!), lo, hi);
      removed += here;
      page.counts[at]! -= here;
    }
  }
  if (removed > 0) {
    pages.put(page);
    tidy(pages, page);
  }
  return removed;
}

/** Drops empty children and joins small ones with their right or left neighbour. */
function tidy(pages: Pages, page: Inner): void {
  for (let at = page.children.length - 1; at >= 0; at--) {
    if (page.counts[at] !== 0) continue;
    pages.dropAll(page.children[at]!);
    page.children.splice(at, 1);
    page.counts.splice(at, 1);
    page.separators.splice(at === 0 ? 0 : at - 1, 1);
  }
  for (let at = page.children.length - 2; at >= 0; at--) join(pages, page, at);
}

/** Joins child `at` with the one after it where one of them is small and both fit into a page. */
function join(pages: Pages, page: Inner, at: number): void {
  const left = pages.peek(page.children[at]!);
  const right = pages.peek(page.children[at + 1]!);
  // Only pages of this run can have become small; others are not read for it.
  if (left === undefined && right === undefined) return;
  const a = left ?? pages.get(page.children[at]!);
  const b = right ?? pages.get(page.children[at + 1]!);
  const [sizeA, sizeB] = [bytesOf(a), bytesOf(b)];
  if (Math.min(sizeA, sizeB) >= SMALL_BYTES || sizeA + sizeB > PAGE_BYTES / 2) return;
  const [separator] = page.separators.splice(at, 1);
  if (a.kind === "leaf" && b.kind === "leaf") {
    a.keys.push(...b.keys);
    a.values.push(...b.values);
  } else if (a.kind === "inner" && b.kind === "inner" && separator !== undefined) {
    a.separators.push(separator, ...b.separators);
    a.children.push(...b.children);
    a.counts.push(...b.counts);
  }
  page.counts[at]! += page.counts[at + 1]!;
  page.counts.splice(at + 1, 1);
  page.children.splice(at + 1, 1);
  pages.put(a);
  pages.drop(b.id);
}
