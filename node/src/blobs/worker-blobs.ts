/**
 * Blobs for worker threads, whose callers cannot wait: everything here is synchronous. A writer puts chunks on disk as they
 * fill and gives the rows that make them a blob; without those rows being applied the chunks belong to nobody, and the
 * collector removes them.
 */
import { randomUUID } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { freeBytesOf, requireRoom } from "../storage/disk-room.ts";
import type { Reader, Row } from "../storage/store.ts";
import { ChunkSplitter, chunkIdOf, chunkPath, UNFINISHED } from "./chunk.ts";
import { cannotWrite, missingChunk, verifiedChunk } from "./chunk-files.ts";
import { addReference, blobIdOf, decodeManifest, type Manifest, manifestKey, manifestRows } from "./manifest.ts";

export interface WrittenBlob {
  /** 32 bytes. */
  readonly blob: Uint8Array;
  readonly manifest: Manifest;
  /** To be applied in one batch with what the run changed. */
  readonly rows: readonly Row[];
}

export class BlobWriter {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #splitter = new ChunkSplitter();
  readonly #chunks: Uint8Array[] = [];
  #size = 0;

  constructor(directory: string, clock: Clock) {
    this.#directory = directory;
    this.#clock = clock;
  }

  /** Bytes so far. */
  get size(): number {
    return this.#size;
  }

  /** Throws `unavailable` where the disk refuses. */
  write(bytes: Uint8Array): void {
    this.#size += bytes.length;
    for (const chunk of this.#splitter.push(bytes)) this.#keep(chunk);
  }

  /** `owner`: whose reference keeps the blob, such as `context:<id>`. */
  close(owner: string): WrittenBlob {
    const last = this.#splitter.end();
    if (last !== undefined) this.#keep(last);
    const manifest = { size: this.#size, chunks: this.#chunks };
    const blob = blobIdOf(this.#chunks);
    return { blob, manifest, rows: [...manifestRows(blob, manifest), ...addReference(blob, owner)] };
  }

  #keep(bytes: Uint8Array): void {
    const id = chunkIdOf(bytes);
    writeChunkSync(this.#directory, id, bytes, this.#clock);
    this.#chunks.push(id);
  }
}

/** Reads a blob from its beginning, verifying each chunk; throws `internal` where one is damaged or gone. */
export class BlobReader {
  readonly #directory: string;
  readonly #manifest: Manifest;
  #next = 0;
  #rest: Uint8Array = new Uint8Array();

  constructor(directory: string, manifest: Manifest) {
    this.#directory = directory;
    this.#manifest = manifest;
  }

  get size(): number {
    return this.#manifest.size;
  }

  /** Fills the beginning of `into`; how many bytes it filled, 0 at the end. */
  read(into: Uint8Array): number {
    let filled = 0;
    while (filled < into.length) {
      if (this.#rest.length === 0 && !this.#advance()) break;
      const part = this.#rest.subarray(0, into.length - filled);
      into.set(part, filled);
      filled += part.length;
      this.#rest = this.#rest.subarray(part.length);
    }
    return filled;
  }

  #advance(): boolean {
    const id = this.#manifest.chunks[this.#next];
    if (id === undefined) return false;
    this.#next += 1;
    let bytes;
    try {
      bytes = readFileSync(chunkPath(this.#directory, id));
    } catch (cause) {
      throw missingChunk(id, cause);
    }
    this.#rest = verifiedChunk(id, bytes);
    return true;
  }
}

/** A blob that the node holds; undefined where it does not. */
export function openBlob(directory: string, reader: Reader, blob: Uint8Array): BlobReader | undefined {
  const stored = reader.get("blobs", manifestKey(blob));
  return stored === undefined ? undefined : new BlobReader(directory, decodeManifest(stored));
}

/** A whole blob at once, such as a module. */
export function readBlob(directory: string, reader: Reader, blob: Uint8Array): Uint8Array | undefined {
  const opened = openBlob(directory, reader, blob);
  if (opened === undefined) return undefined;
  const bytes = new Uint8Array(opened.size);
  opened.read(bytes);
  return bytes;
}

function writeChunkSync(directory: string, id: Uint8Array, bytes: Uint8Array, clock: Clock): void {
  const path = chunkPath(directory, id);
  if (touchIfSame(path, bytes, clock)) return;
  requireRoom(directory, bytes.length, freeBytesOf);
  const unfinished = join(directory, UNFINISHED, randomUUID());
  try {
    mkdirSync(dirname(unfinished), { recursive: true });
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(unfinished, bytes, { flush: true });
    renameSync(unfinished, path);
    syncName(dirname(path));
    syncName(directory);
  } catch (cause) {
    removeQuietly(unfinished);
    throw cannotWrite(cause);
  }
}

/** What stays behind is swept by the collector. */
function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The write's own error is the one to tell.
  }
}

function syncName(folder: string): void {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function touchIfSame(path: string, bytes: Uint8Array, clock: Clock): boolean {
  try {
    const seconds = clock.now() / 1000;
    utimesSync(path, seconds, seconds);
    return Buffer.compare(readFileSync(path), bytes) === 0;
  } catch {
    return false;
  }
}
