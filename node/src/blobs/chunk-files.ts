/**
 * Chunk files, for the node's thread. A chunk is written beside, synced and renamed, so that a file with a chunk's name is
 * whole. One that is there already is touched instead: the collector leaves young files alone, whoever wrote them.
 */
import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, rm, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { type FreeBytes, requireRoom } from "../storage/disk-room.ts";
import { chunkIdOf, chunkName, chunkPath, UNFINISHED } from "./chunk.ts";

/** What writing takes of the machine. */
export interface ChunkPorts {
  readonly clock: Clock;
  readonly freeBytes: FreeBytes;
}

/** Throws `unavailable` where the disk is full, up to the reserve that the store needs as well, or refuses. */
export async function writeChunk(
  directory: string,
  id: Uint8Array,
  bytes: Uint8Array,
  { clock, freeBytes }: ChunkPorts,
): Promise<void> {
  const path = chunkPath(directory, id);
  if (await touchIfSame(path, bytes, clock)) return;
  requireRoom(directory, bytes.length, freeBytes);
  const unfinished = join(directory, UNFINISHED, randomUUID());
  try {
    await mkdir(dirname(unfinished), { recursive: true });
    await mkdir(dirname(path), { recursive: true });
    await writeFile(unfinished, bytes, { flush: true });
    await rename(unfinished, path);
  } catch (cause) {
    // What stays behind is swept by the collector.
    await rm(unfinished, { force: true }).catch(() => undefined);
    throw cannotWrite(cause);
  }
}

/** Makes the names of files in the directories of `ids` last through a power cut. */
export async function syncNames(directory: string, ids: readonly Uint8Array[]): Promise<void> {
  const folders = new Set(ids.map((id) => dirname(chunkPath(directory, id))));
  for (const folder of ids.length === 0 ? [] : [...folders, directory]) {
    const handle = await open(folder, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}

/** The chunk's bytes, verified; throws `internal` where the file is gone or holds something else. */
export async function readChunk(directory: string, id: Uint8Array): Promise<Uint8Array> {
  let bytes;
  try {
    bytes = await readFile(chunkPath(directory, id));
  } catch (cause) {
    throw missingChunk(id, cause);
  }
  return verifiedChunk(id, bytes);
}

export function verifiedChunk(id: Uint8Array, bytes: Uint8Array): Uint8Array {
  if (Buffer.compare(chunkIdOf(bytes), id) === 0) return bytes;
  throw new ShoalError("internal", `chunk ${chunkName(id)} is damaged: its content is not what its name says`);
}

export function missingChunk(id: Uint8Array, cause: unknown): ShoalError {
  return new ShoalError("internal", `chunk ${chunkName(id)} cannot be read`, { cause });
}

export function cannotWrite(cause: unknown): ShoalError {
  return new ShoalError("unavailable", `a blob cannot be stored: ${messageOf(cause)}`, { cause });
}

/** Whether the file holds just these bytes; a damaged one is written again. */
async function touchIfSame(path: string, bytes: Uint8Array, clock: Clock): Promise<boolean> {
  try {
    const seconds = clock.now() / 1000;
    await utimes(path, seconds, seconds);
    return Buffer.compare(await readFile(path), bytes) === 0;
  } catch {
    return false;
  }
}
