/** Steps that start as soon as they can, tell how far they are, and are undone in reverse order of their becoming ready. */
export interface Progress {
  begun(name: string): void;
  done(name: string): void;
}

interface Stoppable {
  stop(): unknown;
}

export interface Starter {
  /** Runs `start` at once; `undo` (the part's own `stop` unless given) is called by `stop`. */
  readonly step: {
    <T extends Stoppable>(name: string, start: () => Promise<T>): Promise<T>;
    <T>(name: string, start: () => Promise<T>, undo: (value: T) => unknown): Promise<T>;
  };
  /** Waits for steps that are still under way, then undoes all that became ready. */
  stop(): Promise<void>;
}

export function createStarter(progress: Progress): Starter {
  const undone: (() => Promise<unknown>)[] = [];
  const underWay = new Set<Promise<unknown>>();

  const run = async <T>(name: string, start: () => Promise<T>, undo: (value: T) => unknown): Promise<T> => {
    progress.begun(name);
    const value = await start();
    undone.push(async () => undo(value));
    progress.done(name);
    return value;
  };

  const step = <T>(
    name: string,
    start: () => Promise<T>,
    undo: (value: T) => unknown = (value) => (value as Stoppable).stop(),
  ): Promise<T> => {
    const running = run(name, start, undo);
    underWay.add(running);
    // Whoever awaits the step hears of its failure; one that nobody has come to await yet must not end the process.
    running.catch(() => undefined);
    return running;
  };

  return {
    step,
    stop: async () => {
      await Promise.allSettled(underWay);
      for (const undo of undone.toReversed()) await undo();
      undone.length = 0;
    },
  };
}
