/**
 * Trying things out: inside `attempt` each change is logged, and the log is played backwards unless the result is to be
 * kept. Outside of it nothing is logged and nothing is paid.
 */
export interface UndoLog<Change> {
  readonly record: (change: Change) => void;
  /** Runs `work`; undoes what it did unless `keep` says yes, and when it throws. May be nested. */
  readonly attempt: <T>(work: () => T, keep: (result: T) => boolean) => T;
}

export function createUndoLog<Change>(undo: (change: Change) => void): UndoLog<Change> {
  const log: Change[] = [];
  let depth = 0;
  const undoTo = (mark: number): void => {
    while (log.length > mark) undo(log.pop()!);
  };
  return {
    record: (change) => {
      if (depth > 0) log.push(change);
    },
    attempt: (work, keep) => {
      const mark = log.length;
      let kept = false;
      depth++;
      try {
        const result = work();
        kept = keep(result);
        return result;
      } finally {
        if (!kept) undoTo(mark);
        depth--;
        if (depth === 0) log.length = 0;
      }
    },
  };
}
