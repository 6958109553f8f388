/**
 * A blob that comes in by its chunks, in any order and from anywhere: each is on disk under its own hash as soon as it is
 * there, so that what broke off goes on where it was, also after a restart. Until `finish` no row names a chunk: of a blob
 * that never becomes whole the collector takes the files, as it does those of an upload.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { CHUNK_BYTES, chunkIdOf, chunkName } from "./chunk.ts";
import { type ChunkPorts, readChunk, syncNames, writeChunk } from "./chunk-files.ts";
import type { Holds } from "./holds.ts";
import type { Uploaded } from "./upload.ts";

/** What one chunk's bytes have to be. */
interface Expected {
  readonly id: Uint8Array;
  /** Somewhere in the blob it is not the last: then it is a whole one. */
  readonly isWhole: boolean;
  length: number | undefined;
}

export interface IncomingOptions {
  readonly directory: string;
  readonly ports: ChunkPorts;
  readonly chunkHolds: Holds;
  readonly blob: Uint8Array;
  readonly chunks: readonly Uint8Array[];
}

export class Incoming implements Disposable {
  readonly #options: IncomingOptions;
  readonly #expected = new Map<string, Expected>();
  readonly #holds = new DisposableStack();

  /** Takes hold of the chunks and looks which of them are on disk already. */
  static async open(options: IncomingOptions): Promise<Incoming> {
    const incoming = new Incoming(options);
    for (const expected of incoming.#expected.values()) {
      const kept = await readChunk(options.directory, expected.id).catch(() => undefined);
      if (kept !== undefined && fits(kept.length, expected)) expected.length = kept.length;
    }
    return incoming;
  }

  private constructor(options: IncomingOptions) {
    this.#options = options;
    const last = options.chunks.length - 1;
    for (const [at, id] of options.chunks.entries()) {
      const name = chunkName(id);
      const isWhole = at < last || this.#expected.get(name)?.isWhole === true;
      this.#expected.set(name, { id, isWhole, length: undefined });
    }
    for (const name of this.#expected.keys()) this.#holds.use(options.chunkHolds.hold(name));
  }

  /** Places of the chunks that are not here: one for each, though it may stand in several. */
  missing(): readonly number[] {
    const named = new Set<string>();
    return this.#options.chunks.flatMap((id, at) => {
      const name = chunkName(id);
      if (named.has(name) || this.#expected.get(name)?.length !== undefined) return [];
      named.add(name);
      return [at];
    });
  }

  /**
   * Keeps a chunk. Throws `invalid_argument` where the bytes are not what the blob has there, `unavailable` where the disk is
   * full; `conflict` where the blob was not cut as blobs are: nobody can give it then.
   */
  async put(at: number, bytes: Uint8Array): Promise<void> {
    const id = this.#options.chunks[at];
    const expected = id === undefined ? undefined : this.#expected.get(chunkName(id));
    if (expected === undefined || Buffer.compare(chunkIdOf(bytes), expected.id) !== 0) {
      throw new ShoalError("invalid_argument", `these are not the bytes of chunk ${at}`, { field: "chunk" });
    }
    if (!fits(bytes.length, expected)) {
      throw new ShoalError("conflict", `chunk ${at} of the blob has ${bytes.length} bytes, which no blob's has`);
    }
    await writeChunk(this.#options.directory, expected.id, bytes, this.#options.ports);
    expected.length = bytes.length;
  }

  /** What an upload of the same content gives; throws `internal` while a chunk is missing. */
  async finish(): Promise<Uploaded> {
    const { blob, chunks, directory } = this.#options;
    let size = 0;
    for (const id of chunks) {
      const length = this.#expected.get(chunkName(id))?.length;
      if (length === undefined) throw new ShoalError("internal", "a blob is not whole yet");
      size += length;
    }
    await syncNames(directory, chunks);
    const kept = this.#holds.move();
    return { blob, manifest: { size, chunks }, [Symbol.dispose]: () => kept.dispose() };
  }

  [Symbol.dispose](): void {
    this.#holds.dispose();
  }
}

const fits = (length: number, { isWhole }: Expected): boolean =>
  isWhole ? length === CHUNK_BYTES : length > 0 && length <= CHUNK_BYTES;
