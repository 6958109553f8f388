/** Lets a few in at a time; the rest wait in line, at most as many as `line` has room for. */
import { ShoalError } from "@shoal/shared/base/errors.ts";

export interface Gate {
  /** Rejects `unavailable` where the line is full. */
  run<T>(work: () => Promise<T>): Promise<T>;
}

export function createGate(width: number, line: number): Gate {
  const waiting: (() => void)[] = [];
  let inside = 0;
  return {
    async run(work) {
      if (inside >= width) {
        if (waiting.length >= line)
          throw new ShoalError("unavailable", "too many wait in line", { retryAfterSeconds: 1 });
        // Whoever leaves hands on its place: nobody who comes meanwhile can take it.
        await new Promise<void>((resolve) => waiting.push(resolve));
      } else inside += 1;
      try {
        return await work();
      } finally {
        const next = waiting.shift();
        if (next === undefined) inside -= 1;
        else next();
      }
    },
  };
}
