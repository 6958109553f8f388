/** What happened, as one hash: two runs of a seed are the same if and only if their traces are. */
import { createHash } from "node:crypto";

/** Lines that are remembered for the story of a failure. */
const REMEMBERED = 400;

export interface Trace {
  note(atMs: number, what: string): void;
  /** The last lines, oldest first. */
  tail(): readonly string[];
  /** Of everything noted so far; hexadecimal. */
  hash(): string;
}

/** `listen`: hears each line, for a replay that is watched. */
export function createTrace(listen?: (line: string) => void): Trace {
  const hash = createHash("sha256");
  const last: string[] = [];
  let at = 0;
  return {
    note(atMs, what) {
      const line = `${atMs.toFixed(3)} ${what}`;
      hash.update(line).update("\n");
      last[at++ % REMEMBERED] = line;
      listen?.(line);
    },
    tail: () => [...last.slice(at % REMEMBERED), ...last.slice(0, at % REMEMBERED)],
    hash: () => hash.copy().digest("hex"),
  };
}
