/**
 * A container's log: lines with the time they were read, in a file that is rotated at 10 MB with one predecessor kept.
 * Readers that follow hear of lines in memory, so that nothing polls the file.
 */
import { open, rename, rm, stat, type FileHandle } from "node:fs/promises";
import { fromIso } from "@shoal/shared/base/time.ts";

export interface LogFile {
  readonly path: string;
  /** False asks the writer to pause until `flushed`: the disk is behind. */
  write(chunk: Uint8Array): boolean;
  /** Lines written since it was opened. */
  lines(): number;
  /** Everything written so far is in the file. */
  flushed(): Promise<void>;
  /** Hears each line from now on, and `undefined` once the log is closed. Returns the way to stop. */
  listen(hear: (line: string | undefined) => void): () => void;
  /** The last characters written, to recognise why a process ended. */
  tail(): string;
  close(): Promise<void>;
}

const ROTATE_AT = 10 * 1024 ** 2;
const LONGEST_LINE = 16 * 1024;
const TAIL = 4 * 1024;

/** What may wait for the disk before the writer is asked to pause, in characters. */
const MOST_WAITING = 1024 ** 2;

export function openLog(path: string, now: () => number): LogFile {
  const file = rotatingFile(path, ROTATE_AT);
  const decoder = new TextDecoder();
  const listeners = new Set<(line: string | undefined) => void>();
  let held = "";
  let tail = "";
  let lines = 0;
  let closed = false;
  const emit = (text: string): void => {
    const line = `${new Date(now()).toISOString().replace("Z", "000000Z")} ${text}`;
    file.append(`${line}\n`);
    lines++;
    for (const hear of listeners) hear(line);
  };
  return {
    path,
    flushed: async () => file.flushed(),
    lines: () => lines,
    tail: () => tail,
    write: (chunk) => {
      if (closed) return true;
      const text = decoder.decode(chunk, { stream: true });
      tail = (tail + text).slice(-TAIL);
      const parts = (held + text).split("\n");
      held = parts.pop() ?? "";
      for (const part of parts) emit(part);
      if (held.length > LONGEST_LINE) {
        emit(held);
        held = "";
      }
      return file.waiting() < MOST_WAITING;
    },
    listen: (hear) => {
      if (closed) hear(undefined);
      else listeners.add(hear);
      return () => listeners.delete(hear);
    },
    close: async () => {
      if (closed) return;
      if (held !== "") emit(held);
      closed = true;
      await file.close();
      for (const hear of listeners) hear(undefined);
      listeners.clear();
    },
  };
}

interface RotatingFile {
  append(text: string): void;
  waiting(): number;
  flushed(): Promise<void>;
  close(): Promise<void>;
}

/** One write at a time takes all that waits. A fault of the disk loses lines, never the container. */
function rotatingFile(path: string, rotateAt: number): RotatingFile {
  let pending = "";
  let handle: FileHandle | undefined;
  let size = 0;
  let working: Promise<void> | undefined;
  const drain = async (): Promise<void> => {
    while (pending !== "") {
      const text = pending;
      pending = "";
      if (handle === undefined) {
        handle = await open(path, "a", 0o600);
        size = (await stat(path)).size;
      }
      await handle.appendFile(text);
      size += Buffer.byteLength(text);
      if (size < rotateAt) continue;
      await handle.close();
      handle = undefined;
      await rename(path, `${path}.1`);
    }
  };
  const work = async (): Promise<void> => {
    working ??= drain()
      .catch(() => undefined)
      .finally(() => {
        working = undefined;
      });
    await working;
    // What was appended while the last write ended is not forgotten.
    if (pending !== "") await work();
  };
  return {
    waiting: () => pending.length,
    append: (text) => {
      pending += text;
      void work();
    },
    flushed: async () => work(),
    close: async () => {
      await work();
      await handle?.close();
      handle = undefined;
    },
  };
}

export interface ReadLogOptions {
  readonly tailLines?: number | undefined;
  readonly sinceSeconds?: number | undefined;
  readonly timestamps: boolean;
}

/** Lines that are in the files now, oldest first, each with its time. */
export async function linesIn(path: string): Promise<readonly string[]> {
  const text = (await textOf(`${path}.1`)) + (await textOf(path));
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}

/** The lines that a reader asked for, with or without their times. */
export function selectLines(lines: readonly string[], options: ReadLogOptions, now: number): readonly string[] {
  const { sinceSeconds, tailLines } = options;
  const from = sinceSeconds === undefined ? undefined : now - sinceSeconds * 1000;
  const recent =
    from === undefined ? lines : lines.filter((line) => (fromIso(line.slice(0, line.indexOf(" "))) ?? 0) >= from);
  const chosen = tailLines === undefined ? recent : tailLines === 0 ? [] : recent.slice(-tailLines);
  return chosen.map((line) => withoutTime(line, options.timestamps));
}

export function withoutTime(line: string, keep: boolean): string {
  return keep ? line : line.slice(line.indexOf(" ") + 1);
}

export async function removeLog(path: string): Promise<void> {
  await Promise.all([rm(path, { force: true }), rm(`${path}.1`, { force: true })]);
}

async function textOf(path: string): Promise<string> {
  try {
    const file = await open(path);
    try {
      return await file.readFile("utf8");
    } finally {
      await file.close();
    }
  } catch {
    return "";
  }
}
