/**
 * One process at a time, by a lock that the operating system takes back when its holder dies, however it dies: that of an
 * SQLite file. A file that merely exists would be left behind, and telling that it was is guesswork. Relies on a file system
 * with locks.
 */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import { milliseconds, seconds } from "@shoal/shared/base/time.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";

/** Longer than a holder waits for a node's answer. */
const PATIENCE = seconds(60);
const POLL = milliseconds(20);
const SQLITE_BUSY = 5;

/** Runs `work` while nobody else runs theirs for the same path; throws `unavailable` after a minute of waiting. */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const lock = await acquire(path);
  try {
    return await work();
  } finally {
    lock.close();
  }
}

async function acquire(path: string): Promise<DatabaseSync> {
  const giveUpAt = systemClock.monotonic() + PATIENCE;
  for (;;) {
    const lock = tryOnce(path);
    if (lock !== undefined) return lock;
    if (systemClock.monotonic() > giveUpAt)
      throw new ShoalError("unavailable", `${path} is held by another process for more than a minute`);
    await systemClock.sleep(POLL);
  }
}

function tryOnce(path: string): DatabaseSync | undefined {
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(path, { timeout: 0 });
    // Exclusive and not immediate: a reader of the empty file must not be let in either.
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (thrown) {
    lock?.close();
    if (thrown instanceof Error && "errcode" in thrown && thrown.errcode === SQLITE_BUSY) return undefined;
    throw new ShoalError("invalid_argument", `${path} cannot be locked: ${messageOf(thrown)}`, { cause: thrown });
  }
}
