/**
 * Group commit, self-clocked: what arrives while a commit is under way goes out together with the next one. There is no
 * window to wait for: a lone caller is served at once, and under load the batches grow by themselves. Each caller's promise
 * resolves after its item is durable, and rejects where that is not certain.
 */

export interface GroupCommitOptions<Item> {
  /** Makes the items durable, all or none. */
  readonly commit: (items: readonly Item[]) => Promise<void>;
  /** Most items in one commit. */
  readonly maxBatch: number;
  /** Most items that wait; beyond it `add` rejects with what this returns (back-pressure). */
  readonly maxWaiting: number;
  readonly refuse: () => Error;
}

interface Waiting<Item> {
  readonly item: Item;
  readonly resolve: () => void;
  readonly reject: (thrown: unknown) => void;
}

/** Returns `add`: hands an item in, and resolves once it is committed. */
export function createGroupCommit<Item>(options: GroupCommitOptions<Item>): (item: Item) => Promise<void> {
  let waiting: Waiting<Item>[] = [];
  let running = false;

  // It starts after the present turn, so that everybody who is served by one commit is in before the next.
  const run = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, options.maxBatch);
      waiting = waiting.slice(batch.length);
      try {
        await options.commit(batch.map(({ item }) => item));
        for (const { resolve } of batch) resolve();
      } catch (thrown) {
        for (const { reject } of batch) reject(thrown);
      }
    }
    running = false;
  };

  return (item) =>
    new Promise((resolve, reject) => {
      if (waiting.length >= options.maxWaiting) {
        reject(options.refuse());
        return;
      }
      waiting.push({ item, resolve, reject });
      if (!running) {
        running = true;
        queueMicrotask(() => void run());
      }
    });
}
