/**
 * What must outlast a kill: every queue, task and tombstone as a line of JSON, appended before the caller hears "created".
 * The last line about a name wins, and a torn last line was never acknowledged. Written through the system's page cache
 * without a sync, so it outlasts the process's death, not the machine's.
 */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { Timestamp } from "@shoal/shared/base/time.ts";
import type { QueueRecord } from "./queue.ts";
import type { TaskRecord } from "./task.ts";

export type Entry =
  | { readonly kind: "queue"; readonly queue: QueueRecord }
  | { readonly kind: "queue-gone"; readonly name: string }
  | { readonly kind: "task"; readonly task: TaskRecord }
  /** `until`: how long the name stays taken; absent where nobody can ask for it again. */
  | { readonly kind: "task-gone"; readonly name: string; readonly until?: Timestamp };

export interface Journal {
  append(entry: Entry): void;
  close(): void;
}

export const noJournal: Journal = { append: () => undefined, close: () => undefined };

/** Lines that are kept beyond what is alive before the file is written anew. */
const SLACK = 20_000;

/** Reads what is there into `apply`, then appends. `alive` lists everything worth keeping. */
export function openJournal(path: string, apply: (entry: Entry) => void, alive: () => readonly Entry[]): Journal {
  mkdirSync(dirname(path), { recursive: true });
  for (const entry of readEntries(path)) apply(entry);
  const rewrite = (): { fd: number; lines: number } => {
    const entries = alive();
    const next = openSync(`${path}.new`, "w", 0o600);
    writeSync(next, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
    renameSync(`${path}.new`, path);
    return { fd: next, lines: entries.length };
  };
  let { fd, lines } = rewrite();
  let kept = lines;
  return {
    append: (entry) => {
      writeSync(fd, `${JSON.stringify(entry)}\n`);
      if (++lines <= kept * 2 + SLACK) return;
      const old = fd;
      ({ fd, lines } = rewrite());
      kept = lines;
      closeSync(old);
    },
    close: () => closeSync(fd),
  };
}

function readEntries(path: string): readonly Entry[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n");
  // What follows the last line end is the torn line, or nothing.
  lines.pop();
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Entry);
}
