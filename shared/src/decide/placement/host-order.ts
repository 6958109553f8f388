/**
 * Hosts from the most to the least utilised, ties by name: a tree of two levels. Its leaves hold up to 64 hosts each and
 * know the most that one of them has free of each resource, so that a search skips a leaf that cannot hold the pod at the
 * price of four comparisons. With 5,000 hosts there are about 100 leaves; a move costs one leaf, not the whole order.
 */
import type { HostTable } from "./host-table.ts";

const LEAF_SIZE = 64;

export interface Leaf {
  size: number;
  readonly hosts: Int32Array;
  mostCpu: number;
  mostMemory: number;
  mostPods: number;
  mostGpu: number;
  /** Most of `balanceOf`: a leaf of hosts that are full in CPU or full in memory, but never both, is skipped by this. */
  mostBalance: number;
}

export interface HostOrder {
  /** In order; no leaf is empty. */
  readonly leaves: readonly Leaf[];
  has(host: number): boolean;
  /** Takes a host out. Its utilisation may change only while it is out. */
  remove(host: number): void;
  insert(host: number): void;
}

export function createHostOrder(table: HostTable): HostOrder {
  const { utilisation } = table;
  const leaves: Leaf[] = [];
  const leafOf: (Leaf | undefined)[] = Array.from({ length: table.size }, () => undefined);
  const before = (a: number, b: number): boolean =>
    utilisation[a]! > utilisation[b]! || (utilisation[a] === utilisation[b] && a < b);

  /** The leaf whose range the host belongs to: the last that does not begin after it. */
  const leafFor = (host: number): number => {
    let low = 0;
    let high = leaves.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (before(host, leaves[middle]!.hosts[0]!)) high = middle - 1;
      else low = middle;
    }
    return low;
  };
  const assign = (leaf: Leaf): void => {
    for (const host of leaf.hosts.subarray(0, leaf.size)) leafOf[host] = leaf;
    measure(leaf, table);
  };
  const split = (index: number): void => {
    const full = leaves[index]!;
    const rest = upperHalf(full);
    leaves.splice(index + 1, 0, rest);
    assign(full);
    assign(rest);
  };
  /** Joins a thin leaf with its successor, so that a long life does not leave a leaf per host. */
  const thin = (leaf: Leaf): void => {
    const index = leaves.indexOf(leaf);
    const next = leaves[index + 1];
    if (leaf.size === 0) leaves.splice(index, 1);
    else if (next !== undefined && leaf.size + next.size <= LEAF_SIZE / 2) {
      leaf.hosts.set(next.hosts.subarray(0, next.size), leaf.size);
      leaf.size += next.size;
      leaves.splice(index + 1, 1);
      assign(leaf);
    }
  };
  return {
    leaves,
    has: (host) => leafOf[host] !== undefined,
    remove(host) {
      const leaf = leafOf[host];
      if (leaf === undefined) return;
      const position = leaf.hosts.indexOf(host);
      leaf.hosts.copyWithin(position, position + 1, leaf.size);
      leaf.size--;
      leafOf[host] = undefined;
      if (leaf.size < LEAF_SIZE / 8) thin(leaf);
      if (holdsMost(leaf, table, host)) measure(leaf, table);
    },
    insert(host) {
      if (leaves.length === 0) leaves.push(emptyLeaf());
      let index = leafFor(host);
      if (leaves[index]!.size === LEAF_SIZE) {
        split(index);
        if (!before(host, leaves[index + 1]!.hosts[0]!)) index++;
      }
      const leaf = leaves[index]!;
      let position = leaf.size++;
      for (; position > 0 && before(host, leaf.hosts[position - 1]!); position--) {
        leaf.hosts[position] = leaf.hosts[position - 1]!;
      }
      leaf.hosts[position] = host;
      leafOf[host] = leaf;
      include(leaf, table, host);
    },
  };
}

/**
 * The smaller of CPU and memory, on a common scale of 4 GiB to a core. What holds a pod is at least as large in both, so it
 * has at least the pod's balance as well, whatever the scale.
 */
export function balanceOf(cpuMilli: number, memoryMiB: number): number {
  return Math.min(cpuMilli * 4, memoryMiB);
}

function upperHalf(full: Leaf): Leaf {
  const rest = emptyLeaf();
  rest.size = LEAF_SIZE / 2;
  full.size = LEAF_SIZE / 2;
  rest.hosts.set(full.hosts.subarray(full.size));
  return rest;
}

const emptyLeaf = (): Leaf => ({
  size: 0,
  hosts: new Int32Array(LEAF_SIZE),
  mostCpu: -Infinity,
  mostMemory: -Infinity,
  mostPods: -Infinity,
  mostGpu: -Infinity,
  mostBalance: -Infinity,
});

function measure(leaf: Leaf, table: HostTable): void {
  leaf.mostCpu = leaf.mostMemory = leaf.mostPods = leaf.mostGpu = leaf.mostBalance = -Infinity;
  for (let i = 0; i < leaf.size; i++) include(leaf, table, leaf.hosts[i]!);
}

function include(leaf: Leaf, table: HostTable, host: number): void {
  if (table.freeCpu[host]! > leaf.mostCpu) leaf.mostCpu = table.freeCpu[host]!;
  if (table.freeMemory[host]! > leaf.mostMemory) leaf.mostMemory = table.freeMemory[host]!;
  if (table.freePods[host]! > leaf.mostPods) leaf.mostPods = table.freePods[host]!;
  if (table.freeGpu[host]! > leaf.mostGpu) leaf.mostGpu = table.freeGpu[host]!;
  const balance = balanceOf(table.freeCpu[host]!, table.freeMemory[host]!);
  if (balance > leaf.mostBalance) leaf.mostBalance = balance;
}

/**
 * Whether one of the leaf's figures may be the host's, so that they have to be taken anew without it. Most hosts have no
 * GPU; having none is not worth a look, since a figure that is too high costs a search some steps and nothing else.
 */
function holdsMost(leaf: Leaf, table: HostTable, host: number): boolean {
  return (
    table.freeCpu[host]! >= leaf.mostCpu ||
    table.freeMemory[host]! >= leaf.mostMemory ||
    table.freePods[host]! >= leaf.mostPods ||
    (table.freeGpu[host]! > 0 && table.freeGpu[host]! >= leaf.mostGpu) ||
    balanceOf(table.freeCpu[host]!, table.freeMemory[host]!) >= leaf.mostBalance
  );
}
