/**
 * Rows in memory in the order of their keys: a B+ tree whose copies cost nothing. A copy shares all nodes with its original,
 * and whichever of the two is written first copies the few nodes on its way. Keys are strings with one character per byte,
 * whose order is that of the bytes.
 */

/** Entries of a leaf, children of a branch. */
const WIDTH = 64;

interface Leaf {
  /** Whose it is: only its owner may change it in place. */
  readonly owner: object;
  readonly keys: string[];
  readonly values: Uint8Array[];
}

interface Branch {
  readonly owner: object;
  /** Keys of child n are below `bounds[n]`, those of child n + 1 are not. */
  readonly bounds: string[];
  readonly children: Node[];
}

type Node = Leaf | Branch;

interface Split {
  readonly bound: string;
  readonly right: Node;
}

export interface Bounds {
  readonly gte?: string;
  readonly lt?: string;
  readonly reverse?: boolean;
}

export class SortedRows {
  #root: Node;
  #owner: object = {};

  constructor(root?: Node) {
    this.#root = root ?? { owner: this.#owner, keys: [], values: [] };
  }

  get(key: string): Uint8Array | undefined {
    let node = this.#root;
    while ("children" in node) node = node.children[after(node.bounds, key)]!;
    const at = from(node.keys, key);
    return node.keys[at] === key ? node.values[at] : undefined;
  }

  set(key: string, value: Uint8Array): void {
    this.#root = own(this.#root, this.#owner);
    const split = insert(this.#root, this.#owner, key, value);
    if (split === undefined) return;
    this.#root = { owner: this.#owner, bounds: [split.bound], children: [this.#root, split.right] };
  }

  delete(key: string): void {
    if (this.get(key) === undefined) return;
    this.#root = own(this.#root, this.#owner);
    remove(this.#root, this.#owner, key);
    while ("children" in this.#root && this.#root.children.length < 2) {
      this.#root = this.#root.children[0] ?? { owner: this.#owner, keys: [], values: [] };
    }
  }

  /** The same rows once more; what becomes of one is not seen in the other. */
  copy(): SortedRows {
    this.#owner = {};
    return new SortedRows(this.#root);
  }

  /** In order, as they are at the first step, whatever is written meanwhile. */
  *range({ gte = "", lt, reverse = false }: Bounds): Generator<readonly [string, Uint8Array]> {
    const root = this.#root;
    this.#owner = {};
    yield* reverse ? down(root, gte, lt) : up(root, gte, lt);
  }
}

/** How many of `sorted` are before `key`. */
function from(sorted: readonly string[], key: string): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How many of `sorted` are not after `key`. */
function after(sorted: readonly string[], key: string): number {
  const at = from(sorted, key);
  return sorted[at] === key ? at + 1 : at;
}

function own(node: Node, owner: object): Node {
  if (node.owner === owner) return node;
  return "children" in node
    ? { owner, bounds: [...node.bounds], children: [...node.children] }
    : { owner, keys: [...node.keys], values: [...node.values] };
}

function insert(node: Node, owner: object, key: string, value: Uint8Array): Split | undefined {
  if (!("children" in node)) {
    const at = from(node.keys, key);
    if (node.keys[at] === key) {
      node.values[at] = value;
      return undefined;
    }
    node.keys.splice(at, 0, key);
    node.values.splice(at, 0, value);
    if (node.keys.length <= WIDTH) return undefined;
    const right = { owner, keys: node.keys.splice(WIDTH / 2), values: node.values.splice(WIDTH / 2) };
    return { bound: right.keys[0]!, right };
  }
  const at = after(node.bounds, key);
  const child = (node.children[at] = own(node.children[at]!, owner));
  const split = insert(child, owner, key, value);
  if (split === undefined) return undefined;
  node.bounds.splice(at, 0, split.bound);
  node.children.splice(at + 1, 0, split.right);
  if (node.children.length <= WIDTH) return undefined;
  const children = node.children.splice(WIDTH / 2);
  const bounds = node.bounds.splice(WIDTH / 2 - 1);
  return { bound: bounds.shift()!, right: { owner, bounds, children } };
}

/** Takes out a key that is there. Nodes may become small; those that are empty go, so no way is longer than it ever was. */
function remove(node: Node, owner: object, key: string): void {
  if (!("children" in node)) {
    const at = from(node.keys, key);
    node.keys.splice(at, 1);
    node.values.splice(at, 1);
    return;
  }
  const at = after(node.bounds, key);
  const child = (node.children[at] = own(node.children[at]!, owner));
  remove(child, owner, key);
  const empty = "children" in child ? child.children.length === 0 : child.keys.length === 0;
  if (!empty) return;
  node.children.splice(at, 1);
  node.bounds.splice(at === 0 ? 0 : at - 1, 1);
}

function* up(node: Node, gte: string, lt: string | undefined): Generator<readonly [string, Uint8Array]> {
  if (!("children" in node)) {
    for (let at = from(node.keys, gte); at < node.keys.length; at++) {
      const key = node.keys[at]!;
      if (lt !== undefined && key >= lt) return;
      yield [key, node.values[at]!];
    }
    return;
  }
  for (let at = after(node.bounds, gte); at < node.children.length; at++) {
    if (at > 0 && lt !== undefined && node.bounds[at - 1]! >= lt) return;
    yield* up(node.children[at]!, gte, lt);
  }
}

function* down(node: Node, gte: string, lt: string | undefined): Generator<readonly [string, Uint8Array]> {
  if (!("children" in node)) {
    for (let at = (lt === undefined ? node.keys.length : from(node.keys, lt)) - 1; at >= 0; at--) {
      const key = node.keys[at]!;
      if (key < gte) return;
      yield [key, node.values[at]!];
    }
    return;
  }
  for (let at = lt === undefined ? node.bounds.length : from(node.bounds, lt); at >= 0; at--) {
    yield* down(node.children[at]!, gte, lt);
    if (at > 0 && node.bounds[at - 1]! <= gte) return;
  }
}
