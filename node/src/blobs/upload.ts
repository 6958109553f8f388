/** One upload: chunks to disk as they fill, and at the end the manifest and what the content hashes to. */
import { createHash } from "node:crypto";
import { base58 } from "@scure/base";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { type BlobId, idOf } from "../model/ids.ts";
import { ChunkSplitter, chunkIdOf, chunkName } from "./chunk.ts";
import { type ChunkPorts, syncNames, writeChunk } from "./chunk-files.ts";
import type { Holds } from "./holds.ts";
import { blobIdOf, type Manifest } from "./manifest.ts";

/** Bytes of one upload. */
export const UPLOAD_MAX_BYTES = 1024 * 1024 * 1024;

export interface Uploaded extends Disposable {
  readonly blob: Uint8Array;
  readonly manifest: Manifest;
}

interface UploadOptions {
  readonly directory: string;
  readonly ports: ChunkPorts;
  readonly chunkHolds: Holds;
  readonly limit: number;
  readonly expected: string | undefined;
}

/**
 * Reads `content` to its end. What is returned keeps the chunks from the collector until it is disposed of. Throws
 * `payload_too_large` beyond the limit, `unavailable` where the disk is full, and `invalid_argument` where the content is not what was expected.
 */
export async function upload(content: AsyncIterable<Uint8Array>, options: UploadOptions): Promise<Uploaded> {
  using holds = new DisposableStack();
  const splitter = new ChunkSplitter();
  const hash = createHash("sha256");
  const chunks: Uint8Array[] = [];
  let size = 0;
  const keep = async (bytes: Uint8Array): Promise<void> => {
    const id = chunkIdOf(bytes);
    holds.use(options.chunkHolds.hold(chunkName(id)));
    await writeChunk(options.directory, id, bytes, options.ports);
    chunks.push(id);
  };
  for await (const piece of content) {
    size += piece.length;
    if (size > options.limit) {
      throw new ShoalError("payload_too_large", `a blob has at most ${options.limit} bytes`, { field: "content" });
    }
    hash.update(piece);
    for (const chunk of splitter.push(piece)) await keep(chunk);
  }
  const last = splitter.end();
  if (last !== undefined) await keep(last);
  await syncNames(options.directory, chunks);
  const blob = blobIdOf(chunks);
  requireExpected(options.expected, blob, hash.digest());
  const kept = holds.move();
  return { blob, manifest: { size, chunks }, [Symbol.dispose]: () => kept.dispose() };
}

/** `expected` is the blob's id, or SHA-256 of the whole content in hex or base58. */
function requireExpected(expected: string | undefined, blob: Uint8Array, content: Uint8Array): void {
  if (expected === undefined) return;
  const hex = Buffer.from(content).toString("hex");
  const names: readonly string[] = [hex, base58.encode(content), idOf<BlobId>(blob)];
  if (names.includes(expected) || expected.toLowerCase() === hex) return;
  throw new ShoalError("invalid_argument", `the content's SHA-256 is ${hex}, not what was expected`, { field: "hash" });
}
