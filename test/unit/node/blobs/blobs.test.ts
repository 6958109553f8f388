import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { base58 } from "@scure/base";
import { CHUNK_BYTES, chunkPath } from "@shoal/node/blobs/chunk.ts";
import { addReference, removeReference } from "@shoal/node/blobs/manifest.ts";
import { BlobReader, BlobWriter, openBlob, readBlob } from "@shoal/node/blobs/worker-blobs.ts";
import { bytesOf, parseBase58, type BlobId } from "@shoal/node/model/ids.ts";
import { DISK_RESERVE_BYTES } from "@shoal/node/storage/disk-room.ts";
import { seeded } from "@shoal/shared/base/random.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryDirectory } from "../storage/directory.ts";
import { contentOf, openBlobs, type OpenBlobs, pieces } from "./open-blobs.ts";

const sha256 = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();

/** The id by the book: SHA-256 over the SHA-256s of each MiB. */
function idByTheBook(content: Buffer): string {
  const ids: Buffer[] = [];
  for (let at = 0; at < content.length; at += CHUNK_BYTES) ids.push(sha256(content.subarray(at, at + CHUNK_BYTES)));
  return base58.encode(sha256(Buffer.concat(ids)));
}

const filesIn = (directory: string): readonly string[] =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);

const big = Buffer.from(seeded(1).bytes(2 * CHUNK_BYTES + 12_345));
let open: OpenBlobs;
beforeAll(async () => {
  open = await openBlobs(temporaryDirectory());
});
afterAll(() => open.store.close());

describe("a blob", () => {
  test("comes back as it was, under its hash, also after a restart", async () => {
    const path = temporaryDirectory();
    const first = await openBlobs(path);
    const { blobId, size } = await first.blobs.add(pieces(big));
    expect({ blobId, size }).toEqual({ blobId: idByTheBook(big), size: big.length });
    await first.store.close();
    const { store, blobs } = await openBlobs(path);
    expect(await blobs.info(blobId)).toEqual({ blobId, size });
    expect(await blobs.list()).toEqual([{ blobId, size }]);
    expect((await contentOf(blobs.read(blobId))).equals(big)).toBe(true);
    await store.close();
  });

  test("may be empty", async () => {
    const { blobId } = await open.blobs.add(pieces());
    expect(blobId).toBe(base58.encode(sha256(Buffer.alloc(0))));
    expect(await contentOf(open.blobs.read(blobId))).toHaveLength(0);
  });

  test("has the same id however it is cut, in the node and in a worker", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: big.length }),
        fc.array(fc.integer({ min: 0, max: big.length }), { maxLength: 6 }),
        async (length, cuts) => {
          const content = big.subarray(0, length);
          const ends = [...cuts.map((cut) => Math.min(cut, length)), length].sort((a, b) => a - b);
          const parts = ends.map((end, at) => content.subarray(ends[at - 1] ?? 0, end));
          const { blobId } = await open.blobs.add(pieces(...parts));
          expect(blobId).toBe(idByTheBook(content));
          const writer = new BlobWriter(open.directory, systemClock);
          for (const part of parts) writer.write(part);
          expect(base58.encode(writer.close("context:c").blob)).toBe(blobId);
        },
      ),
      { numRuns: 25 },
    );
  });

  test("equal chunks are one file", async () => {
    const { blobs, store, directory } = await openBlobs(temporaryDirectory());
    const chunk = Buffer.alloc(CHUNK_BYTES, 1);
    const [one, two] = await Promise.all([
      blobs.add(pieces(chunk, chunk, Buffer.from("tail"))),
      blobs.add(pieces(chunk)),
    ]);
    expect(one.blobId).not.toBe(two.blobId);
    expect(filesIn(directory)).toHaveLength(2);
    expect((await contentOf(blobs.read(one.blobId))).length).toBe(2 * CHUNK_BYTES + 4);
    await store.close();
  });

  test("that is not here is undefined, everywhere", async () => {
    const id = parseBase58<BlobId>(base58.encode(sha256(Buffer.from("nowhere"))), "id");
    expect(await open.blobs.info(id)).toBeUndefined();
    expect(open.blobs.read(id)).toBeUndefined();
    expect(await open.blobs.delete(id)).toBe(false);
    expect(openBlob(open.directory, open.store, bytesOf(id))).toBeUndefined();
  });
});

describe("an upload", () => {
  const content = Buffer.from("expected content");

  test.each([
    ["its SHA-256 in hex", sha256(content).toString("hex")],
    ["its SHA-256 in upper case", sha256(content).toString("hex").toUpperCase()],
    ["its SHA-256 in base58", base58.encode(sha256(content))],
    ["its blob id", idByTheBook(content)],
  ])("is what was expected: %s", async (_, expected) => {
    expect((await open.blobs.add(pieces(content), { expected })).size).toBe(content.length);
  });

  test.each([
    ["another hash", "0".repeat(64)],
    ["no hash at all", "../../etc/passwd"],
    ["", ""],
  ])("is refused where it is not: %s", async (_, expected) => {
    const other = Buffer.from(`other ${expected}`);
    await expect(open.blobs.add(pieces(other), { expected })).rejects.toMatchObject({
      code: "invalid_argument",
      field: "hash",
    });
    expect(await open.blobs.info(idByTheBook(other) as BlobId)).toBeUndefined();
  });

  test("beyond the limit is refused, and read no further", async () => {
    let asked = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        asked += 1;
        yield Buffer.alloc(1_000, asked);
      }
    }
    await expect(open.blobs.add(endless(), { limit: 5_000 })).rejects.toMatchObject({ code: "payload_too_large" });
    expect(asked).toBe(6);
  });

  test("that breaks off leaves nothing that is referred to", async () => {
    const { blobs, store } = await openBlobs(temporaryDirectory());
    async function* breaking(): AsyncGenerator<Uint8Array> {
      yield big;
      throw new Error("the connection was lost");
    }
    await expect(blobs.add(breaking())).rejects.toThrow("the connection was lost");
    expect(await blobs.list()).toEqual([]);
    for await (const row of store.scan("blobs")) expect.unreachable(String(row));
    await store.close();
  });
});

test("an upload stops at the reserve of the disk, and goes through when there is room", async () => {
  let free = DISK_RESERVE_BYTES + CHUNK_BYTES;
  const { blobs, store } = await openBlobs(temporaryDirectory(), { freeBytes: () => (free -= CHUNK_BYTES / 2) });
  const full = { code: "unavailable", message: expect.stringMatching(/the disk is full/) };
  await expect(blobs.add(pieces(big))).rejects.toMatchObject(full);
  expect(await blobs.list()).toEqual([]);
  free = DISK_RESERVE_BYTES * 2;
  const { blobId } = await blobs.add(pieces(big));
  expect((await contentOf(blobs.read(blobId))).equals(big)).toBe(true);
  await store.close();
});

describe("content on disk", () => {
  test("a damaged chunk is an error to whoever reads it, and a new upload mends it", async () => {
    const { blobs, store, directory } = await openBlobs(temporaryDirectory());
    const { blobId } = await blobs.add(pieces(big));
    const second = chunkPath(directory, sha256(big.subarray(CHUNK_BYTES, 2 * CHUNK_BYTES)));
    const bytes = readFileSync(second);
    bytes[7] = (bytes[7] ?? 0) ^ 1;
    writeFileSync(second, bytes);
    await expect(contentOf(blobs.read(blobId))).rejects.toMatchObject({
      code: "internal",
      message: expect.stringMatching(/is damaged/),
    });
    expect(() => readBlob(directory, store, bytesOf(blobId))).toThrow(/is damaged/);
    await blobs.add(pieces(big));
    expect((await contentOf(blobs.read(blobId))).equals(big)).toBe(true);
    rmSync(second);
    await expect(contentOf(blobs.read(blobId))).rejects.toThrow(/cannot be read/);
    expect(() => readBlob(directory, store, bytesOf(blobId))).toThrow(/cannot be read/);
    await store.close();
  });
});

describe("references", () => {
  test("keep a blob from being deleted, and say by whom", async () => {
    const { blobs, store } = await openBlobs(temporaryDirectory());
    const { blobId } = await blobs.add(pieces(Buffer.from("kept")));
    await store.apply(addReference(bytesOf(blobId), "application:a"));
    expect(await blobs.owners(blobId)).toEqual(["application:a", "upload"]);
    await expect(blobs.delete(blobId)).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringMatching(/in use by application:a/),
    });
    await store.apply(removeReference(bytesOf(blobId), "application:a"));
    expect(await blobs.delete(blobId)).toBe(true);
    expect(await blobs.info(blobId)).toBeUndefined();
    expect(await blobs.delete(blobId)).toBe(false);
    await store.close();
  });

  test("are put in one batch with what refers", async () => {
    const { blobs, store } = await openBlobs(temporaryDirectory());
    const meta = { column: "meta" as const, key: Buffer.from("m"), value: Buffer.from("v") };
    const { blobId } = await blobs.add(pieces(Buffer.from("x")), {
      rows: (blob) => [...addReference(blob, "context:c"), meta],
    });
    expect(await blobs.owners(blobId)).toEqual(["context:c"]);
    expect(store.get("meta", meta.key)).toEqual(new Uint8Array(meta.value));
    await store.close();
  });
});

describe("a worker", () => {
  test("writes a blob that is one once its rows are applied, and reads it in pieces", async () => {
    const { blobs, store, directory } = await openBlobs(temporaryDirectory());
    const writer = new BlobWriter(directory, systemClock);
    const memory = new Uint8Array(1_000_003);
    for (let at = 0; at < big.length; at += memory.length) {
      const piece = big.subarray(at, at + memory.length);
      memory.set(piece);
      writer.write(memory.subarray(0, piece.length));
    }
    // A guest's memory changes as soon as the call returns.
    memory.fill(0);
    expect(writer.size).toBe(big.length);
    const { blob, manifest, rows } = writer.close("context:c");
    const id = base58.encode(blob) as BlobId;
    expect(id).toBe(idByTheBook(big));
    expect(openBlob(directory, store, blob)).toBeUndefined();
    // The run that wrote it may read it already.
    const own = new Uint8Array(10);
    expect(new BlobReader(directory, manifest).read(own)).toBe(10);
    await store.apply(rows);
    expect(await blobs.owners(id)).toEqual(["context:c"]);
    const reader = openBlob(directory, store, blob);
    const read: Buffer[] = [];
    const into = new Uint8Array(700_001);
    for (let count = reader?.read(into) ?? 0; count > 0; count = reader?.read(into) ?? 0) {
      read.push(Buffer.from(into.slice(0, count)));
    }
    expect(Buffer.concat(read).equals(big)).toBe(true);
    expect(Buffer.from(readBlob(directory, store, blob) ?? []).equals(big)).toBe(true);
    await store.close();
  });

  test("is told where the disk refuses", () => {
    const file = join(temporaryDirectory(), "file");
    writeFileSync(file, "");
    const writer = new BlobWriter(file, systemClock);
    writer.write(Buffer.from("x"));
    expect(() => writer.close("context:c")).toThrow(expect.objectContaining({ code: "unavailable" }));
    expect(existsSync(file)).toBe(true);
  });
});
