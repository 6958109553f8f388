import { existsSync, readdirSync, renameSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CHUNK_BYTES, chunkPath, UNFINISHED } from "@shoal/node/blobs/chunk.ts";
import { FILE_GRACE } from "@shoal/node/blobs/collector.ts";
import { addReference, candidatePrefix, removeReference } from "@shoal/node/blobs/manifest.ts";
import { BlobWriter } from "@shoal/node/blobs/worker-blobs.ts";
import { bytesOf, type BlobId } from "@shoal/node/model/ids.ts";
import { sha256 } from "@shoal/node/model/sha256.ts";
import { prefixRange } from "@shoal/node/storage/keys.ts";
import { seeded } from "@shoal/shared/base/random.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { temporaryDirectory } from "../storage/directory.ts";
import { contentOf, openBlobs, type OpenBlobs, pieces } from "./open-blobs.ts";

function files(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Makes all files older than the collector's patience. */
function age(directory: string): void {
  const then = (Date.now() - FILE_GRACE - 60_000) / 1000;
  for (const file of files(directory)) utimesSync(file, then, then);
}

async function collectAll({ blobs }: OpenBlobs, dryRun = false) {
  const total = { blobs: 0, files: 0, bytes: 0 };
  for (let more = true; more;) {
    const step = await blobs.collectUnreferenced({ limit: 3, dryRun });
    for (const name of ["blobs", "files", "bytes"] as const) total[name] += step[name];
    ({ more } = step);
  }
  return total;
}

async function withUnreferenced(content: Buffer): Promise<OpenBlobs & { readonly blobId: BlobId }> {
  const open = await openBlobs(temporaryDirectory());
  const { blobId } = await open.blobs.add(pieces(content), { rows: () => [] });
  return { ...open, blobId };
}

describe("the collector", () => {
  test("removes what nothing refers to, in steps, and counts it; a dry run removes nothing", async () => {
    const content = Buffer.from(seeded(2).bytes(3 * CHUNK_BYTES));
    const open = await withUnreferenced(content);
    const { blobId: kept } = await open.blobs.add(pieces(content.subarray(0, CHUNK_BYTES + 5)));
    age(open.directory);
    // One chunk of the three belongs to the other blob as well.
    expect(await collectAll(open, true)).toMatchObject({ blobs: 1 });
    expect(files(open.directory)).toHaveLength(4);
    expect(await collectAll(open)).toEqual({ blobs: 1, files: 2, bytes: 2 * CHUNK_BYTES });
    expect(await open.blobs.info(open.blobId)).toBeUndefined();
    expect(files(open.directory)).toHaveLength(2);
    expect(await contentOf(open.blobs.read(kept))).toHaveLength(CHUNK_BYTES + 5);
    expect(await collectAll(open)).toEqual({ blobs: 0, files: 0, bytes: 0 });
    // What is in use is not looked at again.
    for await (const _ of open.store.scan("blobs", prefixRange(candidatePrefix))) expect.unreachable("a candidate");
    await open.store.close();
  });

  test("looks at no more than it may", async () => {
    const open = await withUnreferenced(Buffer.from("a"));
    await open.blobs.add(pieces(Buffer.from("b")), { rows: () => [] });
    expect(await open.blobs.collectUnreferenced({ limit: 1, dryRun: false })).toMatchObject({ blobs: 1, more: true });
    expect(await open.blobs.list()).toHaveLength(1);
    await collectAll(open);
    expect(await open.blobs.list()).toEqual([]);
    await open.store.close();
  });

  test("leaves a young file for a run whose rows are still to come, and takes it later", async () => {
    const open = await openBlobs(temporaryDirectory());
    const writer = new BlobWriter(open.directory, systemClock);
    writer.write(Buffer.from("of a run"));
    const { blob, rows } = writer.close("context:c");
    expect(await collectAll(open)).toMatchObject({ files: 0 });
    await open.store.apply(rows);
    age(open.directory);
    expect(await collectAll(open)).toMatchObject({ files: 0, blobs: 0 });
    await open.store.apply(removeReference(blob, "context:c"));
    expect(await collectAll(open)).toMatchObject({ files: 1, blobs: 1 });
    await open.store.close();
  });

  test("sweeps what uploads left behind that never ended", async () => {
    const open = await openBlobs(temporaryDirectory());
    await open.blobs.add(pieces(Buffer.from("whole")));
    async function* breaking(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(CHUNK_BYTES, 3);
      throw new Error("lost");
    }
    await expect(open.blobs.add(breaking())).rejects.toThrow("lost");
    writeFileSync(join(open.directory, UNFINISHED, "half"), "half a chunk");
    expect(files(open.directory)).toHaveLength(3);
    expect(await collectAll(open)).toMatchObject({ files: 0 });
    age(open.directory);
    expect(await collectAll(open)).toEqual({ blobs: 0, files: 2, bytes: CHUNK_BYTES + 12 });
    await open.store.close();
  });

  test("keeps a blob that is pinned, and one that gets a reference while it looks", async () => {
    const open = await withUnreferenced(Buffer.from("wanted"));
    const { blobs, store, blobId } = open;
    {
      using _ = await blobs.pin(blobId);
      await collectAll(open);
      expect(await blobs.info(blobId)).toBeDefined();
      await store.apply(addReference(bytesOf(blobId), "application:a"));
    }
    await collectAll(open);
    expect(await blobs.info(blobId)).toBeDefined();
    // A reference that a run brings at the same moment, without a pin: both orders keep the blob.
    for (let at = 0; at < 50; at++) {
      await store.apply(removeReference(bytesOf(blobId), "application:a"));
      const writer = new BlobWriter(open.directory, systemClock);
      writer.write(Buffer.from("wanted"));
      const collecting = collectAll(open);
      for (let turn = 0; turn < at % 10; turn++) await new Promise((resolve) => setImmediate(resolve));
      await store.apply(writer.close("application:a").rows);
      await collecting;
      expect(await contentOf(blobs.read(blobId))).toHaveLength(6);
    }
    await store.close();
  });

  test("keeps the file of the same chunk while it is being added again", async () => {
    const chunk = Buffer.alloc(CHUNK_BYTES, 9);
    const open = await withUnreferenced(chunk);
    age(open.directory);
    const reached = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield chunk;
      yield Buffer.from("next");
      reached.resolve();
      await goOn.promise;
    }
    const adding = open.blobs.add(slow());
    await reached.promise;
    // As if the upload took longer than the collector's patience.
    age(open.directory);
    expect(await collectAll(open)).toMatchObject({ blobs: 1, files: 0 });
    goOn.resolve();
    const { blobId } = await adding;
    expect(await contentOf(open.blobs.read(blobId))).toHaveLength(CHUNK_BYTES + 4);
    await open.store.close();
  });

  test("puts back what a kill left aside, where it is needed", async () => {
    const open = await openBlobs(temporaryDirectory());
    const content = Buffer.from("needed");
    const { blobId } = await open.blobs.add(pieces(content));
    const path = chunkPath(open.directory, sha256(content));
    renameSync(path, `${path}.gone`);
    await collectAll(open);
    expect(await contentOf(open.blobs.read(blobId))).toEqual(content);
    writeFileSync(`${path}.gone`, content);
    age(open.directory);
    await collectAll(open);
    expect(existsSync(`${path}.gone`)).toBe(false);
    expect(existsSync(path)).toBe(true);
    await open.store.close();
  });
});

describe("references against a model", () => {
  const name = fc.constantFrom("a", "b", "c");
  const owner = fc.constantFrom("upload", "application:1", "context:2");
  const step = fc.oneof(
    fc.record({ do: fc.constant("add" as const), name, owner }),
    fc.record({ do: fc.constant("remove" as const), name, owner }),
    fc.record({ do: fc.constant("collect" as const) }),
  );

  test("a blob is there exactly while somebody refers to it", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (steps) => {
        const open = await openBlobs(temporaryDirectory());
        const owners = new Map<string, Set<string>>();
        // What the names share is one chunk, so that files outlive one of their blobs.
        const contentFor = (of: string): Buffer => Buffer.concat([Buffer.alloc(CHUNK_BYTES, 1), Buffer.from(of)]);
        const ids = new Map<string, BlobId>();
        for (const each of steps) {
          if (each.do === "add") {
            const { blobId } = await open.blobs.add(pieces(contentFor(each.name)), {
              rows: (blob) => addReference(blob, each.owner),
            });
            ids.set(each.name, blobId);
            owners.set(each.name, (owners.get(each.name) ?? new Set()).add(each.owner));
          }
          const id = each.do === "remove" ? ids.get(each.name) : undefined;
          if (each.do === "remove" && id !== undefined) {
            await open.store.apply(removeReference(bytesOf(id), each.owner));
            owners.get(each.name)?.delete(each.owner);
          }
          if (each.do === "collect") {
            age(open.directory);
            await collectAll(open);
            for (const [of, id] of ids) {
              const there = (owners.get(of)?.size ?? 0) > 0;
              expect((await open.blobs.info(id)) !== undefined).toBe(there);
              if (there) expect(await contentOf(open.blobs.read(id))).toHaveLength(CHUNK_BYTES + 1);
            }
            const left = [...owners.values()].filter((set) => set.size > 0).length;
            expect(files(open.directory)).toHaveLength(left === 0 ? 0 : left + 1);
          }
        }
        await open.store.close();
      }),
      { numRuns: 20 },
    );
  });
});
