/**
 * Chunks: what blobs are made of. A chunk's id is SHA-256 of its bytes and its file is named by that id, so that equal chunks
 * are one file, and no name of a file is ever made of what a caller sent.
 */
import { join } from "node:path";
import { sha256 } from "../model/sha256.ts";

/** Bytes of each chunk of a blob but the last. */
export const CHUNK_BYTES = 1024 * 1024;

/** Where chunks are written before they get their name. */
export const UNFINISHED = "unfinished";

export function chunkIdOf(bytes: Uint8Array): Uint8Array {
  return sha256(bytes);
}

export const chunkName = (id: Uint8Array): string => Buffer.from(id).toString("hex");

/** `<directory>/<first two digits>/<64 hex digits>`. */
export function chunkPath(directory: string, id: Uint8Array): string {
  const name = chunkName(id);
  return join(directory, name.slice(0, 2), name);
}

/** Cuts a stream of pieces of any length into chunks. */
export class ChunkSplitter {
  #pieces: Uint8Array[] = [];
  #length = 0;

  /** The chunks that `piece` completes. */
  *push(piece: Uint8Array): Generator<Uint8Array> {
    let at = 0;
    while (at < piece.length) {
      const part = piece.subarray(at, at + CHUNK_BYTES - this.#length);
      // A copy: whoever hands in pieces may use their memory again.
      this.#pieces.push(part.slice());
      this.#length += part.length;
      at += part.length;
      if (this.#length === CHUNK_BYTES) yield this.#take();
    }
  }

  /** What is left at the end, if anything. */
  end(): Uint8Array | undefined {
    return this.#length === 0 ? undefined : this.#take();
  }

  #take(): Uint8Array {
    const [only] = this.#pieces;
    const chunk = this.#pieces.length === 1 && only !== undefined ? only : Buffer.concat(this.#pieces, this.#length);
    this.#pieces = [];
    this.#length = 0;
    return chunk;
  }
}
