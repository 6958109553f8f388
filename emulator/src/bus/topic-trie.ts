/**
 * Topic patterns as a tree by words. `*` is one word, `#` any number of them; a word may be empty (`a..b` has three), and
 * the empty key or pattern has none. Matches as RabbitMQ does, each value once.
 */
interface Node<T> {
  /** Reached by `#`, so it stays where it is while words go by. */
  readonly hash: boolean;
  readonly children: Map<string, Node<T>>;
  readonly values: Set<T>;
}

const node = <T>(hash: boolean): Node<T> => ({ hash, children: new Map(), values: new Set() });

/** The node, and what zero words under `#` lead to. */
function reach<T>(at: Node<T> | undefined, level: Set<Node<T>>): void {
  for (let next = at; next !== undefined; next = next.children.get("#")) level.add(next);
}

const wordsOf = (key: string): string[] => (key === "" ? [] : key.split("."));

export class TopicTrie<T> {
  readonly #root = node<T>(false);

  add(pattern: string, value: T): void {
    let at = this.#root;
    for (const word of wordsOf(pattern)) {
      let next = at.children.get(word);
      if (next === undefined) at.children.set(word, (next = node(word === "#")));
      at = next;
    }
    at.values.add(value);
  }

  remove(pattern: string, value: T): void {
    const path: [Node<T>, string][] = [];
    let at = this.#root;
    for (const word of wordsOf(pattern)) {
      const next = at.children.get(word);
      if (next === undefined) return;
      path.push([at, word]);
      at = next;
    }
    at.values.delete(value);
    for (const [parent, word] of path.reverse()) {
      const child = parent.children.get(word);
      if (child === undefined || child.values.size > 0 || child.children.size > 0) return;
      parent.children.delete(word);
    }
  }

  match(key: string, found: Set<T> = new Set()): Set<T> {
    // A set of nodes per word, not a path per match: a pattern of many `#` would otherwise cost exponential time.
    let level = new Set<Node<T>>();
    reach(this.#root, level);
    for (const word of wordsOf(key)) {
      const next = new Set<Node<T>>();
      for (const at of level) {
        if (at.hash) reach(at, next);
        reach(at.children.get(word), next);
        reach(at.children.get("*"), next);
      }
      level = next;
      if (level.size === 0) return found;
    }
    for (const at of level) for (const value of at.values) found.add(value);
    return found;
  }
}
