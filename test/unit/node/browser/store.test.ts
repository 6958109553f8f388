/** The tab's store on an IndexedDB in memory: what is acknowledged is there again, what is refused was never seen. */
import { IDBFactory, IDBObjectStore } from "fake-indexeddb";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { seeded } from "@shoal/shared/base/random.ts";
import {
  mkdirSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeFileSync,
  existsSync,
} from "@shoal/node/browser/stand-ins/fs.ts";
import { openBrowserStore } from "@shoal/node/browser/store.ts";
import type { Row, Store } from "@shoal/node/storage/store.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const row = (key: string, value: string | undefined): Row => ({
  column: "state",
  key: bytes(key),
  value: value === undefined ? undefined : bytes(value),
});
const get = (store: Store, key: string): string | undefined => {
  const value = store.get("state", bytes(key));
  return value === undefined ? undefined : new TextDecoder().decode(value);
};

/** The browser refuses whatever would put this text, as it does where its room is full. */
function refuse(text: string): void {
  const rows = IDBObjectStore.prototype as { put: (this: unknown, value: unknown, key: unknown) => unknown };
  const { put } = rows;
  vi.spyOn(rows, "put").mockImplementation(function (this: unknown, value, key) {
    if (Buffer.from(value as Uint8Array).toString() === text) throw new Error("no room");
    return put.call(this, value, key);
  });
}

beforeEach(() => vi.stubGlobal("indexedDB", new IDBFactory()));
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

describe("rows", () => {
  test("are found again, in their columns and order, without those that were deleted", async () => {
    const first = await openBrowserStore("a");
    await first.apply([row("b", "2"), row("a", "1"), row("gone", "x"), { ...row("a", "other"), column: "delta" }]);
    await first.apply([row("gone", undefined), row("b", "3")]);
    await first.close();
    const second = await openBrowserStore("a");
    const rows: string[] = [];
    for await (const [key, value] of second.scan("state")) rows.push(Buffer.concat([key, value]).toString());
    expect(rows).toEqual(["a1", "b3"]);
    expect(new TextDecoder().decode(second.get("delta", bytes("a")))).toBe("other");
    await second.close();
  });

  test("of one name are not those of another", async () => {
    const [one, other] = [await openBrowserStore("a"), await openBrowserStore("b")];
    await one.apply([row("k", "1")]);
    expect(get(other, "k")).toBeUndefined();
  });

  test("are seen when they are kept, and not before", async () => {
    const store = await openBrowserStore("a");
    const applying = store.apply([row("k", "1")]);
    expect(get(store, "k")).toBeUndefined();
    await applying;
    expect(get(store, "k")).toBe("1");
    // Another tab's view, as after a crash now.
    expect(get(await openBrowserStore("a"), "k")).toBe("1");
  });

  test("may be changed by whoever gave them, once they are handed over", async () => {
    const store = await openBrowserStore("a");
    const given = row("k", "1");
    const applying = store.apply([given]);
    given.value?.fill(0);
    given.key.fill(0);
    await applying;
    expect([get(store, "k"), get(await openBrowserStore("a"), "k")]).toEqual(["1", "1"]);
  });

  test("that came together are one write, and `durable` right after is the same", async () => {
    const store = await openBrowserStore("a");
    const { IDBDatabase } = await import("fake-indexeddb");
    const transaction = vi.spyOn(IDBDatabase.prototype, "transaction");
    await Promise.all([store.apply([row("a", "1")]), store.apply([row("b", "2")]), store.durable()]);
    expect(transaction).toHaveBeenCalledTimes(1);
  });

  test("leave a prefix of what was applied wherever the tab is killed", async () => {
    const random = seeded(7);
    const store = await openBrowserStore("a");
    let acknowledged = 0;
    let isOver = false;
    const work = (async () => {
      for (let n = 1; n <= 60; n++) {
        const several = Array.from({ length: Math.ceil(random.next() * 4) }, (_, at) => row(`${n}.${at}`, "x"));
        await store.apply([row("last", String(n)), ...several]);
        acknowledged = n;
        if (isOver) return;
      }
    })();
    for (let kill = 0; kill < 5; kill++) {
      for (let turns = Math.floor(random.next() * 20); turns > 0; turns--)
        await new Promise((resolve) => setImmediate(resolve));
      const before = acknowledged;
      const found = await openBrowserStore("a");
      const last = Number(get(found, "last") ?? 0);
      expect(last).toBeGreaterThanOrEqual(before);
      for (let n = 1; n <= 60; n++) expect(get(found, `${n}.0`)).toBe(n <= last ? "x" : undefined);
    }
    isOver = true;
    await work;
  });
});

describe("a browser that refuses", () => {
  test("a batch: none of it is seen or kept, and the next is taken", async () => {
    const store = await openBrowserStore("a");
    refuse("too much");
    const applying = store.apply([row("with", "it"), row("big", "too much")]);
    await expect(applying).rejects.toMatchObject({ code: "unavailable" });
    expect(get(store, "with")).toBeUndefined();
    await store.apply([row("next", "1")]);
    await store.durable();
    const again = await openBrowserStore("a");
    expect([get(again, "with"), get(again, "big"), get(again, "next")]).toEqual([undefined, undefined, "1"]);
  });

  test("a batch, and what gathered behind it, which may rest on it", async () => {
    const store = await openBrowserStore("a");
    refuse("too much");
    const first = store.apply([row("big", "too much")]);
    const failing = expect(first).rejects.toMatchObject({ code: "unavailable" });
    // The first is on its way by now.
    await Promise.resolve();
    await Promise.resolve();
    const behind = store.apply([row("behind", "1")]);
    await expect(behind).rejects.toMatchObject({ code: "unavailable" });
    await failing;
    expect(get(store, "behind")).toBeUndefined();
    expect(get(await openBrowserStore("a"), "behind")).toBeUndefined();
  });

  test("to keep anything says so at once", async () => {
    vi.stubGlobal("indexedDB", undefined);
    await expect(openBrowserStore("a")).rejects.toMatchObject({ code: "unavailable" });
    const denied = () => {
      throw new Error("denied");
    };
    vi.stubGlobal("indexedDB", { open: denied });
    await expect(openBrowserStore("a")).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("denied"),
    });
  });
});

test("a closed store takes nothing, and closing ends what was on its way", async () => {
  const store = await openBrowserStore("a");
  const applying = store.apply([row("k", "1")]);
  await Promise.all([applying, store.close()]);
  await expect(store.apply([row("k", "2")])).rejects.toMatchObject({ code: "unavailable" });
  expect(get(await openBrowserStore("a"), "k")).toBe("1");
});

describe("files", () => {
  const keptFiles = async (name: string): Promise<readonly unknown[]> => {
    const { openIndexedRows } = await import("@shoal/node/browser/indexed-db.ts");
    const rows = await openIndexedRows(name);
    return (await rows.readAll("files")).map(([path]) => path);
  };

  test("are kept under their final name, with the rows that refer to them, and not while they are unfinished", async () => {
    const store = await openBrowserStore("f");
    mkdirSync("/kept/ab", { recursive: true });
    writeFileSync("/kept/ab/unfinished", bytes("chunk"));
    await store.apply([row("other", "1")]);
    expect(await keptFiles("f")).toEqual([]);
    renameSync("/kept/ab/unfinished", "/kept/ab/chunk");
    expect(await keptFiles("f")).toEqual([]);
    await store.apply([row("refers", "/kept/ab/chunk")]);
    expect(await keptFiles("f")).toEqual(["/kept/ab/chunk"]);
    unlinkSync("/kept/ab/chunk");
    await store.durable();
    expect(await keptFiles("f")).toEqual([]);
  });

  test("come back", async () => {
    const store = await openBrowserStore("f");
    mkdirSync("/back", { recursive: true });
    writeFileSync("/back/part", bytes("chunk"));
    renameSync("/back/part", "/back/chunk");
    await store.durable();
    // Gone from memory only: the store is not told.
    const { files } = await import("@shoal/node/browser/files.ts");
    files.unlinkSync("/back/chunk");
    expect(existsSync("/back/chunk")).toBe(false);
    await openBrowserStore("f");
    expect(readFileSync("/back/chunk").toString()).toBe("chunk");
  });

  test("that were refused are kept with the next write", async () => {
    const store = await openBrowserStore("f");
    mkdirSync("/again", { recursive: true });
    writeFileSync("/again/part", bytes("chunk"));
    renameSync("/again/part", "/again/chunk");
    refuse("too much");
    await expect(store.apply([row("big", "too much")])).rejects.toMatchObject({ code: "unavailable" });
    await store.apply([row("small", "1")]);
    expect(await keptFiles("f")).toEqual(["/again/chunk"]);
  });
});
