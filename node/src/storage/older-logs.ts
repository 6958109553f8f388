/**
 * LevelDB starts a new log whenever the one before fills its memory table, and never syncs the old one: until its table is
 * written, a power cut could take rows away that lie before a synced write. So a sync covers the older logs as well.
 */
import { readdirSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";

const LOG_NAME = /^(\d+)\.log$/;

/** A memory table is full at this; before that there can be no newer log. */
const TABLE_BYTES = 4 * 1024 * 1024;
/** At most what a row takes in a memory table beside its key and value: links, lengths, sequence number. */
const ROW_BYTES = 160;
/** Blocks of the table's arena are not always filled. */
const ARENA_FACTOR = 1.5;

export class OlderLogs {
  readonly #path: string;
  /** Nothing is appended to a log once there is a newer one: each needs its sync once. */
  #syncedUpTo = 0;
  /** The newest log when the folder was last looked at. */
  #newest = 0;
  /** What may be in the memory table by now, at most; unknown until the folder was looked at once. */
  #filled = Number.POSITIVE_INFINITY;
  /** What of it was written since the last look. */
  #sinceLook = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** So much was written. */
  note(rows: number, bytes: number): void {
    const most = (bytes + rows * ROW_BYTES) * ARENA_FACTOR;
    this.#filled += most;
    this.#sinceLook += most;
  }

  /** Resolves when whatever was written to logs before the present one is on disk. */
  async sync(): Promise<void> {
    if (this.#filled < TABLE_BYTES) return;
    const numbers = readdirSync(this.#path)
      .map((name) => Number(LOG_NAME.exec(name)?.[1] ?? 0))
      .filter((number) => number > this.#syncedUpTo)
      .sort((a, b) => a - b);
    const newest = numbers.pop() ?? this.#newest;
    // A log that was not there at the last look was begun since, and with it an empty table.
    if (newest !== this.#newest) this.#filled = this.#sinceLook;
    this.#sinceLook = 0;
    this.#newest = newest;
    for (const number of numbers) {
      await syncFile(join(this.#path, `${number.toString().padStart(6, "0")}.log`));
      this.#syncedUpTo = number;
    }
  }
}

/** A log that is gone was written to a table, and LevelDB syncs those. */
async function syncFile(path: string): Promise<void> {
  let file;
  try {
    file = await open(path, "r");
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT") return;
    throw thrown;
  }
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
}
