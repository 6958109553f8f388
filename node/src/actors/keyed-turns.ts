/**
 * Turns per key. A `write` waits for the writes before it; a `read` runs at once, beside a write too, because it sees a
 * snapshot; `alone` (an application switch, a deletion) waits for everything before it and holds up everything after it.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";

export type Turn = "read" | "write" | "alone";

interface Waiter {
  readonly turn: Turn;
  start(): void;
}

interface Line {
  reads: number;
  writing: boolean;
  alone: boolean;
  readonly waiting: Waiter[];
}

export interface KeyedTurns {
  /** Runs `work` in its turn. Rejects `unavailable` where `bound` already wait for the key. */
  run<T>(key: string, turn: Turn, work: () => Promise<T>): Promise<T>;
  /** How many run or wait for the key. */
  depth(key: string): number;
}

/** `bound`: how many may wait for one key. */
export function keyedTurns(bound = 1024): KeyedTurns {
  const lines = new Map<string, Line>();

  const mayStart = (line: Line, turn: Turn): boolean => {
    if (line.alone) return false;
    if (turn === "read") return true;
    if (turn === "write") return !line.writing;
    return !line.writing && line.reads === 0;
  };

  const enter = (line: Line, turn: Turn): void => {
    if (turn === "read") line.reads += 1;
    else if (turn === "write") line.writing = true;
    else line.alone = true;
  };

  /** Starts, from the front, whatever may: reads pass waiting writes, nobody passes one that waits to be alone. */
  const advance = (line: Line): void => {
    for (let at = 0; at < line.waiting.length;) {
      const waiter = line.waiting[at];
      if (waiter === undefined) return;
      if (mayStart(line, waiter.turn)) {
        line.waiting.splice(at, 1);
        enter(line, waiter.turn);
        waiter.start();
      } else if (waiter.turn === "alone") return;
      else at += 1;
    }
  };

  const leave = (key: string, line: Line, turn: Turn): void => {
    if (turn === "read") line.reads -= 1;
    else if (turn === "write") line.writing = false;
    else line.alone = false;
    advance(line);
    if (line.reads === 0 && !line.writing && !line.alone && line.waiting.length === 0) lines.delete(key);
  };

  return {
    async run(key, turn, work) {
      let line = lines.get(key);
      if (line === undefined) lines.set(key, (line = { reads: 0, writing: false, alone: false, waiting: [] }));
      const behind = line.waiting.some((waiter) => turn !== "read" || waiter.turn === "alone");
      if (!behind && mayStart(line, turn)) enter(line, turn);
      else {
        if (line.waiting.length >= bound) {
          throw new ShoalError("unavailable", `${bound} calls wait already`, { retryAfterSeconds: 1 });
        }
        const waiting = line.waiting;
        await new Promise<void>((start) => void waiting.push({ turn, start }));
      }
      try {
        return await work();
      } finally {
        leave(key, line, turn);
      }
    },
    depth(key) {
      const line = lines.get(key);
      return line === undefined ? 0 : line.reads + Number(line.writing) + Number(line.alone) + line.waiting.length;
    },
  };
}
