/**
 * LevelDB starts a new log whenever the one before fills its memory table, and never syncs the old one: until its table is
 * written, a power cut could take rows away that lie before a synced write. So a sync covers the older logs as well.
 */
import { readdirSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";

const LOG_NAME = /^(\d+)\.log$/;

export class OlderLogs {
  readonly #path: string;
  /** Nothing is appended to a log once there is a newer one: each needs its sync once. */
  #syncedUpTo = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Resolves when whatever was written to logs before the present one is on disk. */
  async sync(): Promise<void> {
    const numbers = readdirSync(this.#path)
      .map((name) => Number(LOG_NAME.exec(name)?.[1] ?? 0))
      .filter((number) => number > this.#syncedUpTo)
      .sort((a, b) => a - b);
    numbers.pop();
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
