/** Comparing two tries by their nodes, down to the ids that one side lacks or hashes otherwise. */
import { sha256 } from "../../model/sha256.ts";
import type { Leaf } from "../../storage/merkle/recompute.ts";
import { countOf, encodeNode, type TrieNode } from "../../storage/merkle/trie-node.ts";
import type { Strategy } from "./tree-contract.ts";
import { isPast, standingOf, type Edge, type Standing } from "./tree-edge.ts";
import { belowNibble, digit, hexOf, readLeaves, readNode, same, type Below, type Leaves } from "./tree-leaves.ts";
import type { Answers, Task } from "./tree-tasks.ts";
import { MAX_LEAVES, wrong, type AskKind, type TrieKind } from "./tree-wire.ts";

export interface TrieWalk {
  readonly kind: TrieKind;
  /** Whose trie it is. */
  readonly owner: Uint8Array;
  readonly mine: Leaves;
  readonly edge: Edge | undefined;
  readonly strategy: Strategy | undefined;
  /** What an id leads to that differs; `hash` is the peer's, undefined where its tree lacks the id. */
  readonly differs: (id: Uint8Array, hash: Uint8Array | undefined, standing: Standing) => readonly Task[];
}

/** Of so many entries below a node, all are told at once: two nodes more would cost as much. */
const FEW_LEAVES = 48;
/** From this share of difference in number on, lists are cheaper than nodes. */
const APART = 0.1;
/** Entries below a node that are compared in one step. */
const STEP = 1024;

const LEAVES: Readonly<Record<TrieKind, AskKind>> = {
  node: "nodeLeaves",
  shared: "sharedLeaves",
  children: "childrenLeaves",
};

/** Begins with the peer's root node, undefined where it has none. */
export function compareRoots(walk: TrieWalk, theirs: TrieNode | undefined): readonly Task[] {
  if (theirs === undefined) return compareLeaves(walk, "", []);
  const mine = walk.mine.node("");
  if (mine !== undefined && same(sha256(encodeNode(mine)), sha256(encodeNode(theirs)))) return [];
  return compareNode(walk, leavesAt(walk.strategy, mine, theirs), "", theirs);
}

function leavesAt(strategy: Strategy | undefined, mine: TrieNode | undefined, theirs: TrieNode): number {
  if (strategy !== undefined) return strategy === "levels" ? MAX_LEAVES : FEW_LEAVES;
  const [a, b] = [mine === undefined ? 0 : countOf(mine), countOf(theirs)];
  return Math.abs(a - b) > APART * Math.max(a, b) ? MAX_LEAVES : FEW_LEAVES;
}

function compareNode(walk: TrieWalk, listed: number, path: string, theirs: TrieNode): readonly Task[] {
  if (theirs.kind === "bucket") {
    return compareLeaves(
      walk,
      path,
      theirs.ids.map((id, at) => ({ id, hash: theirs.hashes[at]! })),
    );
  }
  const mine = walk.mine.node(path);
  const tasks: Task[] = [];
  for (let nibble = 0; nibble < 16; nibble++) {
    const below = path + digit(nibble);
    if (isPast(walk.edge, below)) continue;
    const [ours, other] = [belowNibble(mine, path, nibble), belowNibble(theirs, path, nibble)];
    if (other === undefined) {
      if (ours !== undefined) tasks.push(here(() => compareLeaves(walk, below, [])));
    } else if (!same(ours?.hash, other.hash)) {
      tasks.push(nodeTask(walk, listed, below, other));
    }
  }
  return tasks;
}

function nodeTask(walk: TrieWalk, listed: number, path: string, expected: Below): Task {
  const isListed = expected.count <= listed;
  return {
    asks: [{ kind: isListed ? LEAVES[walk.kind] : walk.kind, id: walk.owner, path }],
    take([item]: Answers) {
      if (item === undefined) throw wrong("the node that its parent names");
      if (isListed) return compareLeaves(walk, path, readLeaves(item, path, expected));
      return compareNode(walk, listed, path, readNode(item, path, expected));
    },
  };
}

const here = (take: Task["take"]): Task => ({ asks: [], take });

/** All that the peer has below `path` is known: `theirs`, ascending. */
export function compareLeaves(walk: TrieWalk, path: string, theirs: readonly Leaf[]): readonly Task[] {
  if (isPast(walk.edge, path)) return [];
  const mine = walk.mine.below(path, Math.max(STEP, theirs.length * 2));
  if (mine !== undefined) return mergeLeaves(walk, mine, theirs);
  const byNibble = Array.from({ length: 16 }, (): Leaf[] => []);
  for (const leaf of theirs) byNibble[Number.parseInt(hexOf(leaf.id).charAt(path.length), 16)]!.push(leaf);
  return byNibble.map((some, nibble) => here(() => compareLeaves(walk, path + digit(nibble), some)));
}

function mergeLeaves(walk: TrieWalk, mine: readonly Leaf[], theirs: readonly Leaf[]): readonly Task[] {
  const tasks: Task[] = [];
  let [a, b] = [0, 0];
  while (a < mine.length || b < theirs.length) {
    const [ours, other] = [mine[a], theirs[b]];
    const order = ours === undefined ? 1 : other === undefined ? -1 : Buffer.compare(ours.id, other.id);
    if (order <= 0) a += 1;
    if (order >= 0) b += 1;
    if (order === 0 && same(ours?.hash, other?.hash)) continue;
    const { id } = order <= 0 ? ours! : other!;
    const standing = standingOf(walk.edge, hexOf(id));
    if (standing !== undefined) tasks.push(...walk.differs(id, order >= 0 ? other!.hash : undefined, standing));
  }
  return tasks;
}
