import { CHUNK_BYTES, chunkIdOf, chunkPath } from "@shoal/node/blobs/chunk.ts";
import { FILE_GRACE } from "@shoal/node/blobs/collector.ts";
import { DISK_RESERVE_BYTES } from "@shoal/node/storage/disk-room.ts";
import { seeded } from "@shoal/shared/base/random.ts";
import { existsSync, writeFileSync } from "node:fs";
import { timestamp } from "@shoal/shared/base/time.ts";
import { beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../../../support/clock.ts";
import { temporaryDirectory } from "../../storage/directory.ts";
import { contentOf, openBlobs, pieces } from "../open-blobs.ts";
import { CONTEXT, Mesh } from "./mesh.ts";

const content = Buffer.from(seeded(3).bytes(20 * CHUNK_BYTES + 77));
const scope = { type: "context", contextId: CONTEXT } as const;

let mesh: Mesh;
beforeEach(() => {
  mesh = new Mesh();
});

describe("a blob among peers", () => {
  test("comes from whoever has it, is shared on, and is there after a restart", async () => {
    const [holder, , asker] = [await mesh.join(), await mesh.join(), await mesh.join()];
    const { blobId } = await holder.blobs.add(pieces(content), { sharedIn: CONTEXT });
    expect(await asker.finder.find(blobId, CONTEXT)).toBe(true);
    expect((await contentOf(asker.blobs.read(blobId))).equals(content)).toBe(true);
    expect(asker.reported).toEqual([]);
    mesh.leave(holder.id);
    const third = await mesh.join();
    expect(await third.finder.find(blobId, CONTEXT)).toBe(true);
    expect(await third.blobs.info(blobId)).toEqual({ blobId, size: content.length });
    expect(await third.blobs.collectUnreferenced({ limit: 1000, dryRun: false })).toMatchObject({ blobs: 0 });
  });

  test("may be empty, and may hold the same chunk many times", async () => {
    const [holder, asker] = [await mesh.join(), await mesh.join()];
    for (const same of [Buffer.alloc(0), Buffer.alloc(5 * CHUNK_BYTES, 1), Buffer.alloc(2 * CHUNK_BYTES + 1, 1)]) {
      const { blobId } = await holder.blobs.add(pieces(same), { sharedIn: CONTEXT });
      expect(await asker.finder.find(blobId, CONTEXT)).toBe(true);
      expect((await contentOf(asker.blobs.read(blobId))).equals(same)).toBe(true);
    }
  });

  test("is taken from several that have it", async () => {
    const holders = [await mesh.join(), await mesh.join()];
    const asker = await mesh.join();
    const served = new Set<string>();
    for (const { blobs, id } of holders) {
      await blobs.add(pieces(content), { sharedIn: CONTEXT });
      const chunk = blobs.chunk.bind(blobs);
      blobs.chunk = async (of) => {
        served.add(id);
        return chunk(of);
      };
    }
    const [{ blobId } = { blobId: undefined }] = await asker.blobs.list();
    expect(blobId).toBeUndefined();
    const wanted = (await holders[0]?.blobs.list())?.[0]?.blobId;
    if (wanted === undefined) throw new Error("nothing was added");
    expect(await asker.finder.find(wanted, CONTEXT)).toBe(true);
    expect([...served].sort()).toEqual(holders.map(({ id }) => id));
  });

  test("is fetched once, however many ask", async () => {
    const [holder, asker] = [await mesh.join(), await mesh.join()];
    const { blobId } = await holder.blobs.add(pieces(content), { sharedIn: CONTEXT });
    const found = await Promise.all(Array.from({ length: 20 }, () => asker.finder.find(blobId, CONTEXT)));
    expect(found).toEqual(Array.from({ length: 20 }, () => true));
    expect(mesh.opened).toEqual([holder.id]);
    await asker.finder.find(blobId, CONTEXT);
    expect(mesh.opened).toEqual([holder.id]);
  });

  test("is not found where nobody has it, and can be asked for again", async () => {
    const [holder, asker] = [await mesh.join(), await mesh.join()];
    const { blobId } = await asker.blobs.add(pieces(content));
    await asker.blobs.delete(blobId);
    expect(await asker.finder.find(blobId, CONTEXT)).toBe(false);
    await holder.blobs.add(pieces(content), { sharedIn: CONTEXT });
    expect(await asker.finder.find(blobId, CONTEXT)).toBe(true);
  });
});

describe("a fetch that breaks off", () => {
  test("goes on where it was, also after a restart", async () => {
    const path = temporaryDirectory();
    const holder = await mesh.join();
    const { blobId } = await holder.blobs.add(pieces(content), { sharedIn: CONTEXT });
    const asked: Uint8Array[] = [];
    const chunk = holder.blobs.chunk.bind(holder.blobs);
    let left = 11;
    holder.blobs.chunk = (of) => {
      asked.push(of);
      return left-- > 0 ? chunk(of) : Promise.reject(new Error("the disk fails"));
    };
    const first = await mesh.join({ path });
    expect(await first.finder.find(blobId, CONTEXT)).toBe(false);
    expect(await first.blobs.info(blobId)).toBeUndefined();
    mesh.leave(first.id);
    await first.store.close();

    const second = await mesh.join({ path });
    asked.length = 0;
    left = Number.POSITIVE_INFINITY;
    expect(await second.finder.find(blobId, CONTEXT)).toBe(true);
    expect(asked).toHaveLength(21 - 11);
    expect((await contentOf(second.blobs.read(blobId))).equals(content)).toBe(true);
  });

  test("fetches again what rotted meanwhile", async () => {
    const [holder, asker] = [await mesh.join(), await mesh.join()];
    const { blobId } = await holder.blobs.add(pieces(content), { sharedIn: CONTEXT });
    const chunks = holder.blobs.manifest(blobId)?.chunks ?? [];
    const { content: incoming } = await asker.blobs.incoming(blobId, chunks);
    await incoming.put(0, content.subarray(0, CHUNK_BYTES));
    incoming[Symbol.dispose]();
    writeFileSync(chunkPath(asker.directory, chunkIdOf(content.subarray(0, CHUNK_BYTES))), "rot");
    expect(await asker.finder.find(blobId, CONTEXT)).toBe(true);
    expect((await contentOf(asker.blobs.read(blobId))).equals(content)).toBe(true);
  });

  test("leaves nothing for ever: what is never finished is collected", async () => {
    let ahead = 0;
    const clock = { ...systemClock, now: () => timestamp(systemClock.now() + ahead) };
    const { blobs, directory, store } = await openBlobs(temporaryDirectory(), { clock });
    const chunk = content.subarray(0, CHUNK_BYTES);
    const { blobId } = await (await mesh.join()).blobs.add(pieces(chunk));
    const file = chunkPath(directory, chunkIdOf(chunk));
    {
      const incoming = await blobs.incoming(blobId, [chunkIdOf(chunk)]);
      using held = incoming.content;
      await held.put(0, chunk);
      ahead = FILE_GRACE + 1000;
      await blobs.collectUnreferenced({ limit: 1000, dryRun: false });
      expect(existsSync(file)).toBe(true);
    }
    await blobs.collectUnreferenced({ limit: 1000, dryRun: false });
    expect(existsSync(file)).toBe(false);
    await store.close();
  });

  test("says so where this node's disk is full, and blames nobody", async () => {
    const holder = await mesh.join();
    const asker = await mesh.join({ blobs: { freeBytes: () => DISK_RESERVE_BYTES } });
    const { blobId } = await holder.blobs.add(pieces(content), { sharedIn: CONTEXT });
    await expect(asker.finder.find(blobId, CONTEXT)).rejects.toMatchObject({ code: "unavailable" });
    expect(asker.reported).toEqual([]);
  });
});

test("what was fetched is pinned until it is let go", async () => {
  const [holder, asker] = [await mesh.join(), await mesh.join()];
  const { blobId } = await holder.blobs.add(pieces(content), { sharedIn: CONTEXT });
  const fetched = await asker.finder.fetch(blobId, scope);
  await asker.blobs.collectUnreferenced({ limit: 1000, dryRun: false });
  expect(await asker.blobs.info(blobId)).toEqual({ blobId, size: content.length });
  fetched?.[Symbol.dispose]();
  await asker.blobs.collectUnreferenced({ limit: 1000, dryRun: false });
  expect(await asker.blobs.info(blobId)).toBeUndefined();
});

test("members delete what they shared or fetched", async () => {
  const [holder, asker] = [await mesh.join(), await mesh.join()];
  const { blobId } = await holder.blobs.add(pieces(content), { sharedIn: CONTEXT });
  await asker.finder.find(blobId, CONTEXT);
  for (const { blobs } of [holder, asker]) {
    expect(await blobs.delete(blobId)).toBe(true);
    expect(await blobs.info(blobId)).toBeUndefined();
    expect(blobs.isShared(blobId, CONTEXT)).toBe(false);
  }
});
