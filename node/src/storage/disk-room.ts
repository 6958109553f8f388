/**
 * Room on the disk, for the store and for blobs. LevelDB needs some to compact, and after a write that failed half way its log cannot be written on
 * before the store was opened again; so writes stop while there is still a reserve, and go on when it is there again.
 */
import { statfsSync } from "node:fs";
import { ShoalError } from "@shoal/shared/base/errors.ts";

/** Bytes that writes leave free. */
export const DISK_RESERVE_BYTES = 64 * 1024 * 1024;

/** Free bytes of the file system that holds a path. */
export type FreeBytes = (path: string) => number;

export const freeBytesOf: FreeBytes = (path) => {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
};

/** How long an answer stands: in it nobody writes as much as the reserve. */
const LOOK_EVERY_MS = 100;

/** The same for whoever writes thousands of times a second, asked of the file system ten times a second. */
export function nowAndThen(look: FreeBytes = freeBytesOf): FreeBytes {
  let [free, at] = [0, Number.NEGATIVE_INFINITY];
  return (path) => {
    const now = performance.now();
    if (now - at >= LOOK_EVERY_MS || free < 2 * DISK_RESERVE_BYTES) [free, at] = [look(path), now];
    return free;
  };
}

/** Throws `unavailable` where writing `bytes` more would touch the reserve. */
export function requireRoom(path: string, bytes: number, freeBytes: FreeBytes): void {
  const free = freeBytes(path);
  if (free >= DISK_RESERVE_BYTES + bytes) return;
  throw new ShoalError(
    "unavailable",
    `the disk is full: ${free} bytes are free at ${path}, and writes leave ${DISK_RESERVE_BYTES} bytes`,
  );
}
