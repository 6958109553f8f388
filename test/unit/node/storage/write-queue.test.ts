import { WriteQueue } from "@shoal/node/storage/write-queue.ts";
import { expect, test } from "vitest";

const MIB = 1024 * 1024;
const put = (name: number) => ({ key: Uint8Array.of(name), value: Uint8Array.of() });

/** A queue over a disk that writes when it is told to, and what it was given. */
function queue() {
  const writes: { readonly keys: readonly number[]; readonly sync: boolean }[] = [];
  const waiting: PromiseWithResolvers<unknown>[] = [];
  const queue = new WriteQueue((puts, sync) => {
    writes.push({ keys: puts.map(({ key }) => key[0] ?? -1), sync });
    const write = Promise.withResolvers<unknown>();
    waiting.push(write);
    return write.promise;
  });
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const finish = async (error?: Error, unsynced?: Error): Promise<void> => {
    await turn();
    const write = waiting.shift();
    if (error === undefined) write?.resolve(unsynced);
    else write?.reject(error);
    await turn();
  };
  return { queue, writes, finish };
}

test("what comes in one moment is one write, and its syncs are one sync", async () => {
  const { queue: q, writes, finish } = queue();
  const all = [q.apply([put(1)], 10), q.sync(), q.apply([put(2), put(3)], 10), q.sync()];
  await finish();
  await Promise.all(all);
  expect(writes).toEqual([{ keys: [1, 2, 3], sync: true }]);
});

test("what comes while one is under way is the next, and writes nothing beside it", async () => {
  const { queue: q, writes, finish } = queue();
  const first = q.apply([put(1)], 10);
  await new Promise((resolve) => setImmediate(resolve));
  const rest = [q.apply([put(2)], 10), q.sync(), q.sync()];
  expect(writes).toEqual([{ keys: [1], sync: false }]);
  await finish();
  await first;
  expect(writes).toEqual([
    { keys: [1], sync: false },
    { keys: [2], sync: true },
  ]);
  await finish();
  await Promise.all(rest);
});

test("a sync waits for all that was queued before it, however many writes that takes", async () => {
  const { queue: q, writes, finish } = queue();
  const all = [q.apply([put(1)], 4 * MIB), q.apply([put(2)], 4 * MIB), q.sync()];
  await finish();
  expect(writes).toEqual([
    { keys: [1], sync: false },
    { keys: [2], sync: true },
  ]);
  await finish();
  await Promise.all(all);
});

test("a write that fails is told to all that waited for it, and the next goes on", async () => {
  const { queue: q, writes, finish } = queue();
  const all = [q.apply([put(1)], 10), q.apply([put(2)], 10), q.sync()];
  const outcomes = Promise.allSettled(all);
  await finish(new Error("no room"));
  expect((await outcomes).map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
  const next = q.apply([put(3)], 10);
  await finish();
  await next;
  expect(writes.at(-1)).toEqual({ keys: [3], sync: false });
});

test("where the sync alone fails, the batches of its write are there", async () => {
  const { queue: q, finish } = queue();
  const both = Promise.allSettled([q.apply([put(1)], 10), q.sync()]);
  await finish(undefined, new Error("no room"));
  expect(await both).toMatchObject([{ status: "fulfilled" }, { status: "rejected", reason: { message: "no room" } }]);
});
