/** Tasks that wait, earliest first; of two at the same time, the one that came first. */
export interface Waiting {
  readonly at: number;
  readonly order: number;
}

export interface Heap<T extends Waiting> {
  readonly size: number;
  push(item: T): void;
  peek(): T | undefined;
  pop(): T | undefined;
}

export function createHeap<T extends Waiting>(): Heap<T> {
  const items: T[] = [];
  const isBefore = (a: T, b: T): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

  const sink = (start: number, item: T): void => {
    let hole = start;
    for (;;) {
      let child = 2 * hole + 1;
      const [left, right] = [items[child], items[child + 1]];
      if (left === undefined) break;
      if (right !== undefined && isBefore(right, left)) child++;
      const next = items[child];
      if (next === undefined || !isBefore(next, item)) break;
      items[hole] = next;
      hole = child;
    }
    items[hole] = item;
  };

  return {
    get size() {
      return items.length;
    },
    push: (item) => {
      let hole = items.push(item) - 1;
      while (hole > 0) {
        const parent = (hole - 1) >> 1;
        const above = items[parent];
        if (above === undefined || !isBefore(item, above)) break;
        items[hole] = above;
        hole = parent;
      }
      items[hole] = item;
    },
    peek: () => items[0],
    pop: () => {
      const first = items[0];
      const last = items.pop();
      if (last !== undefined && items.length > 0) sink(0, last);
      return first;
    },
  };
}
