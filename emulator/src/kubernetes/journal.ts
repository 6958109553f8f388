/**
 * What must outlast a kill: every write as a line of JSON. A line is in the system's page cache before anybody can see
 * what it says, so a kill of this process loses nothing; an answer waits for the disk, many answers for one sync, so a power
 * cut loses nothing that was acknowledged. The last line of a key wins; a torn last line was never acknowledged.
 */
import {
  closeSync,
  existsSync,
  fdatasync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";

/** `text` is the object's JSON; absent where it was removed. */
export interface Entry {
  readonly revision: number;
  readonly kind: string;
  readonly key: string;
  readonly text?: string;
}

export interface Journal {
  append(entry: Entry): void;
  /** Called when what was appended is alive: drops what is not, once that has become the most of it. */
  rewriteIfGrown(): void;
  /** Resolves when everything appended so far is on disk. */
  synced(): Promise<void>;
  close(): void;
}

/** Bytes beyond what is alive before the file is written anew. */
const SLACK_BYTES = 32 * 1024 ** 2;

interface JournalInit {
  readonly path: string;
  /** Called for each line of an earlier life, oldest first. */
  readonly replay: (entry: Entry) => void;
  /** Everything worth keeping, and the revision that the count goes on from. */
  readonly alive: () => { readonly revision: number; readonly entries: Iterable<Entry> };
}

export function openJournal(init: JournalInit): Journal {
  mkdirSync(dirname(init.path), { recursive: true, mode: 0o700 });
  for (const line of linesOf(init.path)) init.replay(parsed(line));
  let file = rewrite(init);
  const group = groupCommit(() => file.fd);
  return {
    append: (entry) => {
      const line = lineOf(entry);
      writeSync(file.fd, line);
      file.bytes += line.length;
    },
    rewriteIfGrown: () => {
      if (file.bytes <= file.kept * 2 + SLACK_BYTES) return;
      const old = file.fd;
      file = rewrite(init);
      // A sync of the old file may be under way.
      group.whenIdle(() => closeSync(old));
    },
    synced: async () => group.synced(),
    close: () => group.whenIdle(() => closeSync(file.fd)),
  };
}

function rewrite(init: JournalInit): { readonly fd: number; readonly kept: number; bytes: number } {
  const next = `${init.path}.new`;
  const fd = openSync(next, "w", 0o600);
  const { revision, entries } = init.alive();
  let bytes = 0;
  let chunk = `${JSON.stringify({ r: revision })}\n`;
  const flush = (): void => {
    bytes += chunk.length;
    writeSync(fd, chunk);
    chunk = "";
  };
  for (const entry of entries) {
    chunk += lineOf(entry);
    if (chunk.length > 1024 ** 2) flush();
  }
  flush();
  fsyncSync(fd);
  renameSync(next, init.path);
  const folder = openSync(dirname(init.path), "r");
  fsyncSync(folder);
  closeSync(folder);
  return { fd, kept: bytes, bytes };
}

function lineOf(entry: Entry): string {
  const head = `{"r":${entry.revision},"k":${JSON.stringify(entry.kind)},"n":${JSON.stringify(entry.key)}`;
  return entry.text === undefined ? `${head}}\n` : `${head},"o":${entry.text}}\n`;
}

function parsed(line: string): Entry {
  const { r, k, n, o } = JSON.parse(line) as { r: number; k?: string; n?: string; o?: object };
  const entry = { revision: r, kind: k ?? "", key: n ?? "" };
  return o === undefined ? entry : { ...entry, text: JSON.stringify(o) };
}

function* linesOf(path: string): Generator<string> {
  if (!existsSync(path)) return;
  const bytes = readFileSync(path);
  for (let start = 0; ;) {
    const end = bytes.indexOf(10, start);
    // What follows the last line end is the torn line, or nothing.
    if (end < 0) return;
    if (end > start) yield bytes.toString("utf8", start, end);
    start = end + 1;
  }
}

interface GroupCommit {
  synced(): Promise<void>;
  whenIdle(then: () => void): void;
}

/** One sync at a time; whoever asks while one is under way shares the next. */
function groupCommit(fd: () => number): GroupCommit {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const sync = async (): Promise<void> =>
    new Promise((resolve, reject) => {
      fdatasync(fd(), (error) => (error === null ? resolve() : reject(error)));
    });
  const start = async (): Promise<void> => {
    running = sync();
    try {
      await running;
    } finally {
      running = undefined;
    }
  };
  return {
    synced: async () => {
      if (running === undefined) return start();
      next ??= running
        .catch(() => undefined)
        .then(async () => {
          next = undefined;
          return start();
        });
      return next;
    },
    whenIdle: (then) => {
      if (running === undefined) then();
      else void running.then(then, then);
    },
  };
}
