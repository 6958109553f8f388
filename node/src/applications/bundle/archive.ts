/**
 * Walks through a gzip tar, file by file, without writing anything: every entry's name and kind is judged before its content
 * is looked at, and what is unpacked is counted as it comes, so that an archive costs no more than its limits.
 */
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { messageOf } from "@shoal/shared/base/errors.ts";
import { extract, type Header } from "tar-stream";
import { BundleError } from "./error.ts";

export interface ArchiveFile {
  readonly name: string;
  readonly size: number;
  /** Unread content is skipped. */
  readonly content: AsyncIterable<Uint8Array>;
}

interface ArchiveLimits {
  readonly unpackedBytes: number;
  readonly entries: number;
}

/** Characters of an entry's name. */
const NAME_MAX_LENGTH = 255;

/**
 * Calls `visit` for each file, in the archive's order, until it answers `stop` or the archive ends. Throws `BundleError`
 * where the archive is not one, is unsafe or too large.
 */
export async function walkArchive(
  archive: AsyncIterable<Uint8Array>,
  limits: ArchiveLimits,
  visit: (file: ArchiveFile) => Promise<"stop" | undefined>,
  signal: AbortSignal,
): Promise<void> {
  const entries = extract();
  const stopped = new AbortController();
  const unpacked = pipeline(Readable.from(archive), createGunzip(), counter(limits.unpackedBytes), entries, {
    signal: AbortSignal.any([signal, stopped.signal]),
  });
  // Its failure also ends the walk below, and is judged there.
  const failed = unpacked.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  const names = new Set<string>();
  try {
    for await (const entry of entries) {
      const name = nameOf(entry.header);
      if (names.size >= limits.entries) {
        throw new BundleError("TooManyEntries", `a bundle has at most ${limits.entries} entries`);
      }
      if (names.has(name)) throw new BundleError("DuplicateEntry", `${name} is there twice`);
      names.add(name);
      if (entry.header.type === "directory") {
        entry.resume();
        continue;
      }
      if ((await visit({ name, size: entry.header.size, content: entry as AsyncIterable<Uint8Array> })) === "stop")
        return;
      entry.resume();
    }
    const thrown = await failed;
    if (thrown !== undefined) throw thrown;
  } catch (thrown) {
    signal.throwIfAborted();
    throw archiveError(thrown);
  } finally {
    stopped.abort();
    entries.destroy();
    await failed;
  }
}

/** The name as manifests write it; throws for one that leads out of the bundle, and for all that is neither file nor folder. */
function nameOf({ name, type }: Header): string {
  const shown = JSON.stringify(name.slice(0, NAME_MAX_LENGTH));
  if (type === "symlink" || type === "link") throw new BundleError("LinkInArchive", `${shown} is a link`);
  if (type !== "file" && type !== "contiguous-file" && type !== "directory") {
    throw new BundleError("UnsafePath", `${shown} is a ${type}, neither a file nor a folder`);
  }
  const plain = name.replace(/^(?:\.\/)+/, "").replace(/\/+$/, "");
  const parts = plain.split("/");
  const escapes = parts.some((part) => part === "" || part === "." || part === "..");
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if ((escapes && plain !== "" && plain !== ".") || /[\u0000-\u001f\u007f\\:]/.test(plain) || name.startsWith("/")) {
    throw new BundleError("UnsafePath", `${shown} is no path within a bundle`);
  }
  if (plain.length > NAME_MAX_LENGTH)
    throw new BundleError("UnsafePath", `a path has at most ${NAME_MAX_LENGTH} characters`);
  return plain;
}

function counter(limit: number): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _, done) {
      bytes += chunk.length;
      if (bytes <= limit) done(null, chunk);
      else done(new BundleError("ArchiveTooLarge", `the archive unpacks to more than ${limit} bytes`));
    },
  });
}

function archiveError(thrown: unknown): Error {
  if (thrown instanceof BundleError) return thrown;
  return new BundleError("ArchiveDamaged", `not a whole gzip tar: ${messageOf(thrown)}`, { cause: thrown });
}
