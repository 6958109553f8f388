/**
 * The order of a set, by (time, id): a B+ tree over slots of the arena, each node with the number and the sum of what is below
 * it, so that the hash of any range costs the nodes on its two edges.
 */
import { ID_AT, ITEM_WORDS, type Arena } from "./id-set-arena.ts";
import { addLanes, LANES, spreadId, subtractLanes } from "./id-set-hash.ts";

const LEAF_ITEMS = 64;
const FAN_OUT = 32;

/** One piece of memory: the sum, then the slots. */
interface Leaf {
  readonly words: Uint32Array;
  size: number;
}

interface Branch {
  readonly children: Node[];
  readonly sum: Uint32Array;
  size: number;
}

type Node = Leaf | Branch;

const isBranch = (node: Node): node is Branch => "children" in node;
const sumOf = (node: Node): Uint32Array => (isBranch(node) ? node.sum : node.words);

export class Tree {
  readonly #arena: Arena;
  #root: Node = newLeaf();
  /** The id that is being added or summed, spread. */
  readonly #spread = new Uint32Array(LANES);

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** Over everything; not to be written to. */
  get sum(): Uint32Array {
    return sumOf(this.#root);
  }

  /** Takes the slot of an item that the arena holds. */
  add(slot: number): void {
    const chunk = this.#arena.chunkOf(slot);
    const item = chunk.subarray(this.#arena.offsetOf(slot), this.#arena.offsetOf(slot) + ITEM_WORDS);
    spreadId(item, ID_AT, this.#spread);
    const right = this.#insert(this.#root, slot, item, true);
    if (right !== undefined) this.#root = branchOf([this.#root, right]);
  }

  /** How many items are before `item`, whose ids' sum is added to `sum`. */
  before(item: Uint32Array, sum: Uint32Array): number {
    let count = 0;
    let node = this.#root;
    while (isBranch(node)) {
      const child = this.#childFor(node, item);
      for (const earlier of node.children.slice(0, child)) {
        count += earlier.size;
        addLanes(sum, sumOf(earlier));
      }
      node = node.children[child]!;
    }
    const end = this.#lowerBound(node, item);
    for (let at = 0; at < end; at++) this.#addSlot(node, at, sum);
    return count + end;
  }

  /** The slots of one leaf, from the first item that is not before `item`; empty at the end. */
  leafFrom(item: Uint32Array): Uint32Array {
    let node = this.#root;
    let next: Node | undefined;
    while (isBranch(node)) {
      const child = this.#childFor(node, item);
      next = node.children[child + 1] ?? next;
      node = node.children[child]!;
    }
    let from = this.#lowerBound(node, item);
    if (from === node.size && next !== undefined) {
      while (isBranch(next)) next = next.children[0]!;
      node = next;
      from = 0;
    }
    return node.words.slice(LANES + from, LANES + node.size);
  }

  /** The slot at `position` in order. */
  at(position: number): number {
    let left = position;
    let node = this.#root;
    while (isBranch(node)) {
      const child: Node = node.children.find(({ size }) => left < size || ((left -= size), false))!;
      node = child;
    }
    return node.words[LANES + left]!;
  }

  /** What had to be parted from `node`, to stand behind it. `isLast`: nothing stands behind `node`. */
  #insert(node: Node, slot: number, item: Uint32Array, isLast: boolean): Node | undefined {
    if (!isBranch(node)) return this.#insertIntoLeaf(node, slot, item, isLast);
    const child = this.#childFor(node, item);
    const parted = this.#insert(node.children[child]!, slot, item, isLast && child === node.children.length - 1);
    node.size += 1;
    addLanes(node.sum, this.#spread);
    if (parted === undefined) return undefined;
    node.children.splice(child + 1, 0, parted);
    if (node.children.length <= FAN_OUT) return undefined;
    // What is new comes last, mostly: then the full half stays full.
    const at = isLast && child === FAN_OUT - 1 ? FAN_OUT : FAN_OUT >>> 1;
    const right = branchOf(node.children.splice(at));
    node.size -= right.size;
    subtractLanes(node.sum, right.sum);
    return right;
  }

  #insertIntoLeaf(leaf: Leaf, slot: number, item: Uint32Array, isLast: boolean): Leaf | undefined {
    const at = this.#lowerBound(leaf, item);
    if (leaf.size < LEAF_ITEMS) {
      this.#place(leaf, at, slot);
      return undefined;
    }
    const right = newLeaf();
    if (isLast && at === LEAF_ITEMS) {
      this.#place(right, 0, slot);
      return right;
    }
    const half = LEAF_ITEMS >>> 1;
    right.words.set(leaf.words.subarray(LANES + half, LANES + LEAF_ITEMS), LANES);
    right.size = LEAF_ITEMS - half;
    leaf.size = half;
    const spread = this.#spread.slice();
    for (let moved = 0; moved < right.size; moved++) this.#addSlot(right, moved, right.words);
    subtractLanes(leaf.words, right.words);
    this.#spread.set(spread);
    if (at <= half) this.#place(leaf, at, slot);
    else this.#place(right, at - half, slot);
    return right;
  }

  #place(leaf: Leaf, at: number, slot: number): void {
    leaf.words.copyWithin(LANES + at + 1, LANES + at, LANES + leaf.size);
    leaf.words[LANES + at] = slot;
    leaf.size += 1;
    addLanes(leaf.words, this.#spread);
  }

  #addSlot(leaf: Leaf, at: number, sum: Uint32Array): void {
    const slot = leaf.words[LANES + at]!;
    spreadId(this.#arena.chunkOf(slot), this.#arena.offsetOf(slot) + ID_AT, this.#spread);
    addLanes(sum, this.#spread);
  }

  /** The last child whose first item is not behind `item`, or the first. */
  #childFor({ children }: Branch, item: Uint32Array): number {
    let low = 0;
    let high = children.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#compare(firstSlot(children[middle]!), item) <= 0) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Position of the first item that is not before `item`. */
  #lowerBound(leaf: Leaf, item: Uint32Array): number {
    let low = 0;
    let high = leaf.size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(leaf.words[LANES + middle]!, item) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #compare(slot: number, item: Uint32Array): number {
    const chunk = this.#arena.chunkOf(slot);
    const offset = this.#arena.offsetOf(slot);
    for (let word = 0; word < ITEM_WORDS; word++) {
      const difference = chunk[offset + word]! - item[word]!;
      if (difference !== 0) return difference;
    }
    return 0;
  }
}

function newLeaf(): Leaf {
  return { words: new Uint32Array(LANES + LEAF_ITEMS), size: 0 };
}

function branchOf(children: Node[]): Branch {
  const sum = new Uint32Array(LANES);
  let size = 0;
  for (const child of children) {
    addLanes(sum, sumOf(child));
    size += child.size;
  }
  return { children, sum, size };
}

function firstSlot(node: Node): number {
  let first = node;
  while (isBranch(first)) first = first.children[0]!;
  return first.words[LANES]!;
}
