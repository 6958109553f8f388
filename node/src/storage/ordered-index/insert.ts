/** Setting a key: down to its leaf, and back up with whatever was split on the way. */
import { bytesOf, childOf, entriesOf, entryBytes, lowerBound, PAGE_BYTES, separatorOf } from "./page.ts";
import type { Inner, Leaf, Page } from "./page.ts";
import type { Pages } from "./pages.ts";

/** A page that came to stand right of another, and what tells the two apart. */
interface Part {
  readonly separator: Uint8Array;
  readonly page: Page;
}

interface Inserted {
  readonly added: boolean;
  /** What has to be put beside the page, left to right. */
  readonly parts: readonly Part[];
}

/** Sets `key`; whether it was not there before. */
export function insert(pages: Pages, key: Uint8Array, value: Uint8Array): boolean {
  if (pages.root === undefined) {
    const leaf: Leaf = { kind: "leaf", id: pages.fresh(), keys: [key], values: [value] };
    pages.put(leaf);
    pages.root = leaf.id;
    return true;
  }
  let root = pages.get(pages.root);
  const inserted = insertInto(pages, root, key, value);
  let { parts } = inserted;
  while (parts.length > 0) {
    const grown: Inner = {
      kind: "inner",
      id: pages.fresh(),
      separators: parts.map(({ separator }) => separator),
      children: [root.id, ...parts.map(({ page }) => page.id)],
      counts: [entriesOf(root), ...parts.map(({ page }) => entriesOf(page))],
    };
    pages.put(grown);
    pages.root = grown.id;
    root = grown;
    parts = splitInner(pages, grown);
  }
  return inserted.added;
}

function insertInto(pages: Pages, page: Page, key: Uint8Array, value: Uint8Array): Inserted {
  pages.put(page);
  if (page.kind === "leaf") {
    const at = lowerBound(page.keys, key);
    const found = page.keys[at];
    const added = found === undefined || Buffer.compare(found, key) !== 0;
    page.keys.splice(at, added ? 0 : 1, key);
    page.values.splice(at, added ? 0 : 1, value);
    return { added, parts: splitLeaf(pages, page) };
  }
  const at = childOf(page, key);
  const child = pages.get(page.children[at]!);
  const { added, parts } = insertInto(pages, child, key, value);
  if (added) page.counts[at]! += 1;
  if (parts.length === 0) return { added, parts };
  page.children.splice(at + 1, 0, ...parts.map((part) => part.page.id));
  page.separators.splice(at, 0, ...parts.map((part) => part.separator));
  page.counts.splice(at, 1, entriesOf(child), ...parts.map((part) => entriesOf(part.page)));
  return { added, parts: splitInner(pages, page) };
}

/** Halves a leaf until each part fits; an entry that is larger than a page ends up alone. */
function splitLeaf(pages: Pages, page: Leaf): readonly Part[] {
  const total = bytesOf(page);
  if (total <= PAGE_BYTES || page.keys.length < 2) return [];
  let at = 1;
  let left = entryBytes(page.keys[0]!, page.values[0]!);
  while (at < page.keys.length - 1) {
    left += entryBytes(page.keys[at]!, page.values[at]!);
    if (left > total / 2) break;
    at += 1;
  }
  const right: Leaf = { kind: "leaf", id: pages.fresh(), keys: page.keys.splice(at), values: page.values.splice(at) };
  pages.put(right);
  const separator = separatorOf(page.keys[at - 1]!, right.keys[0]!);
  return [...splitLeaf(pages, page), { separator, page: right }, ...splitLeaf(pages, right)];
}

function splitInner(pages: Pages, page: Inner): readonly Part[] {
  if (bytesOf(page) <= PAGE_BYTES || page.children.length < 4) return [];
  const at = page.children.length >>> 1;
  const right: Inner = {
    kind: "inner",
    id: pages.fresh(),
    separators: page.separators.splice(at),
    children: page.children.splice(at),
    counts: page.counts.splice(at),
  };
  const separator = page.separators.pop()!;
  pages.put(right);
  return [...splitInner(pages, page), { separator, page: right }, ...splitInner(pages, right)];
}
