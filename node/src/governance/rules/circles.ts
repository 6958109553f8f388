/** Circles of a directed graph (its strongly connected components, by Kosaraju's two walks), in time linear in its edges. */

/** Those circles that nothing outside of them leads to; a node that is in no circle is one by itself. */
export function sourceCircles<T>(nodes: readonly T[], edges: (node: T) => Iterable<T>): readonly ReadonlySet<T>[] {
  const finished = postorder(nodes, edges).reverse();
  const back = new Map<T, T[]>(nodes.map((node) => [node, []]));
  for (const node of nodes) for (const next of edges(node)) back.get(next)?.push(node);
  const circleOf = new Map<T, Set<T>>();
  const fed = new Set<Set<T>>();
  for (const root of finished) {
    if (circleOf.has(root)) continue;
    const circle = new Set([root]);
    circleOf.set(root, circle);
    const open = [root];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      for (const from of back.get(at) ?? []) {
        const its = circleOf.get(from);
        if (its === undefined) {
          circleOf.set(from, circle.add(from));
          open.push(from);
        } else if (its !== circle) fed.add(circle);
      }
    }
  }
  return [...new Set(circleOf.values())].filter((circle) => !fed.has(circle));
}

function postorder<T>(nodes: readonly T[], edges: (node: T) => Iterable<T>): T[] {
  const known = new Set(nodes);
  const seen = new Set<T>();
  const done: T[] = [];
  for (const root of nodes) {
    if (seen.has(root)) continue;
    seen.add(root);
    const path = [{ node: root, rest: edges(root)[Symbol.iterator]() }];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const { value: next, done: end } = top.rest.next() as IteratorResult<T, undefined>;
      if (end === true) {
        done.push(top.node);
        path.pop();
      } else if (known.has(next) && !seen.has(next)) {
        seen.add(next);
        path.push({ node: next, rest: edges(next)[Symbol.iterator]() });
      }
    }
  }
  return done;
}
