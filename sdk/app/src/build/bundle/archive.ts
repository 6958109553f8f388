/** A gzip tar whose bytes depend on its files alone: no times, no owners, no machine. */
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";

/** Where gzip says which system wrote it (RFC 1952, 2.3): 255 is "unknown". */
const GZIP_SYSTEM = 9;
const UNKNOWN = 255;

export interface ArchiveFile {
  readonly name: string;
  readonly content: Uint8Array;
}

export async function archive(files: readonly ArchiveFile[]): Promise<Uint8Array> {
  const tar = pack();
  for (const { name, content } of files) {
    tar.entry({ name, mode: 0o644, uid: 0, gid: 0, mtime: new Date(0), size: content.length }, Buffer.from(content));
  }
  tar.finalize();
  const zipped = gzipSync(await buffer(tar), { level: 9 });
  zipped[GZIP_SYSTEM] = UNKNOWN;
  return zipped;
}
