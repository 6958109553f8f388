import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { silentLog } from "@shoal/shared/base/log.ts";
import { createMemoryStore } from "@shoal/node/storage/memory-store.ts";
import { prefixRange, successorOf, textKey, u64Key } from "@shoal/node/storage/keys.ts";
import { openReader, openStore } from "@shoal/node/storage/open.ts";
import { COLUMNS, type Column, type Range, type Reader, type Row, type Store } from "@shoal/node/storage/store.ts";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { temporaryDirectory } from "./directory.ts";

const open = (path = temporaryDirectory()) => openStore({ path, log: silentLog });
const row = (column: Column, key: string, value: string | undefined): Row => ({
  column,
  key: textKey(key),
  value: value === undefined ? undefined : textKey(value),
});
const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : new TextDecoder().decode(value);

async function rowsOf(reader: Reader, column: Column, range?: Range): Promise<readonly (readonly [string, string])[]> {
  const rows: (readonly [string, string])[] = [];
  for await (const [key, value] of reader.scan(column, range)) {
    rows.push([Buffer.from(key).toString("latin1"), Buffer.from(value).toString("latin1")]);
  }
  return rows;
}

describe("the store", () => {
  test("keeps what was applied, by column, and finds it again", async () => {
    const path = temporaryDirectory();
    const store = await open(path);
    await store.apply(COLUMNS.map((column) => row(column, "k", column)));
    await store.durable();
    expect(COLUMNS.map((column) => text(store.get(column, textKey("k"))))).toEqual([...COLUMNS]);
    await store.close();

    const again = await open(path);
    expect(COLUMNS.map((column) => text(again.get(column, textKey("k"))))).toEqual([...COLUMNS]);
    await again.apply([row("state", "k", undefined)]);
    expect(again.get("state", textKey("k"))).toBeUndefined();
    expect(text(again.get("private", textKey("k")))).toBe("private");
    await again.close();
  });

  test("tells an empty value from none, and an empty key from its column", async () => {
    const store = await open();
    await store.apply([row("meta", "", "root"), row("meta", "empty", "")]);
    expect(store.get("meta", new Uint8Array())).toEqual(textKey("root"));
    expect(store.get("meta", textKey("empty"))).toHaveLength(0);
    expect(await rowsOf(store, "meta")).toEqual([
      ["", "root"],
      ["empty", ""],
    ]);
    await store.close();
  });

  test("applies in the order of the calls, and a sync covers what was called before it", async () => {
    const store = await open();
    const calls = Array.from({ length: 100 }, (_, at) => store.apply([row("state", "k", String(at))]));
    const synced = store.durable();
    await synced;
    expect(text(store.get("state", textKey("k")))).toBe("99");
    await Promise.all(calls);
    await store.close();
  });

  test("refuses what comes after the close", async () => {
    const store = await open();
    await store.apply([row("state", "k", "v")]);
    await store.close();
    await store.close();
    await expect(store.apply([row("state", "k", "v")])).rejects.toMatchObject({ code: "unavailable" });
    await expect(store.durable()).rejects.toMatchObject({ code: "unavailable" });
    expect(() => store.get("state", textKey("k"))).toThrow(/closed/);
  });

  test("is open once", async () => {
    const path = temporaryDirectory();
    const store = await open(path);
    await expect(open(path)).rejects.toMatchObject({ code: "conflict" });
    await store.close();
    await (await open(path)).close();
  });

  test("says a directory that cannot be made", async () => {
    const file = join(temporaryDirectory(), "file");
    writeFileSync(file, "");
    await expect(open(join(file, "store"))).rejects.toMatchObject({ code: "unavailable" });
  });
});

describe("keys", () => {
  test("the successor ends a prefix", () => {
    expect(successorOf(Uint8Array.of(1, 2))).toEqual(Uint8Array.of(1, 3));
    expect(successorOf(Uint8Array.of(1, 255, 255))).toEqual(Uint8Array.of(2));
    expect(successorOf(Uint8Array.of(255))).toBeUndefined();
    expect(prefixRange(Uint8Array.of(255))).toEqual({ gte: Uint8Array.of(255) });
  });

  test("numbers sort as numbers", async () => {
    const store = await open();
    const numbers = [300n, 2n, 1n, 70_000n, 255n];
    await store.apply(numbers.map((number) => ({ column: "group", key: u64Key(number), value: textKey(`${number}`) })));
    expect((await rowsOf(store, "group")).map(([, value]) => value)).toEqual(["1", "2", "255", "300", "70000"]);
    await store.close();
  });
});

describe.each([
  ["the store", () => open()],
  ["the store in memory", async () => createMemoryStore()],
])("%s against a model", (_, open: () => Promise<Store>) => {
  const key = fc.uint8Array({ maxLength: 3 });
  const column = fc.constantFrom<Column>("state", "private", "auth");
  const rows = fc.array(
    fc.record({ column, key, value: fc.option(fc.uint8Array({ maxLength: 20 }), { nil: undefined }) }),
    { maxLength: 12 },
  );
  const range = fc.record(
    { gte: key, lt: key, reverse: fc.boolean(), limit: fc.integer({ min: 1, max: 5 }) },
    { requiredKeys: [] },
  );
  const step = fc.oneof(
    fc.record({ do: fc.constant("apply" as const), rows }),
    fc.record({ do: fc.constant("snapshot" as const) }),
    fc.record({ do: fc.constant("scan" as const), column, range }),
  );

  type Model = Map<string, Uint8Array>;
  const named = (column: Column, key: Uint8Array): string => `${column} ${Buffer.from(key).toString("latin1")}`;

  function expected(model: Model, column: Column, { gte, lt, reverse, limit }: Range) {
    const from = gte === undefined ? "" : Buffer.from(gte).toString("latin1");
    const to = lt === undefined ? undefined : Buffer.from(lt).toString("latin1");
    const found = [...model]
      .filter(([name]) => name.startsWith(`${column} `))
      .map(([name, value]) => [name.slice(column.length + 1), Buffer.from(value).toString("latin1")] as const)
      .filter(([key]) => key >= from && (to === undefined || key < to))
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return (reverse === true ? found.reverse() : found).slice(0, limit ?? found.length);
  }

  test("reads, ranges and snapshots are a sorted map's", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const store = await open();
        const model: Model = new Map();
        const snapshots: { reader: ReturnType<typeof store.snapshot>; model: Model }[] = [];
        for (const each of steps) {
          if (each.do === "apply") {
            await store.apply(each.rows);
            for (const { column, key, value } of each.rows) {
              if (value === undefined) model.delete(named(column, key));
              else model.set(named(column, key), value);
            }
            for (const { column, key } of each.rows) {
              expect(store.get(column, key) ?? null).toEqual(model.get(named(column, key)) ?? null);
            }
          }
          if (each.do === "snapshot") snapshots.push({ reader: store.snapshot(), model: new Map(model) });
          if (each.do === "scan") {
            expect(await rowsOf(store, each.column, each.range)).toEqual(expected(model, each.column, each.range));
            for (const { reader, model: then } of snapshots) {
              expect(await rowsOf(reader, each.column, each.range)).toEqual(expected(then, each.column, each.range));
            }
          }
        }
        for (const { reader } of snapshots) reader[Symbol.dispose]();
        await store.close();
      }),
      { numRuns: 100 },
    );
  });

  test("a scan of many rows comes in steps and sees one moment", async () => {
    const store = await open();
    const many = Array.from({ length: 3_000 }, (_, at) => ({
      column: "state" as const,
      key: u64Key(BigInt(at)),
      value: Buffer.alloc(500, at % 251),
    }));
    await store.apply(many);
    let count = 0;
    for await (const [key] of store.scan("state")) {
      if (count === 0) await store.apply(many.map((each) => ({ ...each, value: undefined })));
      expect(key).toEqual(u64Key(BigInt(count)));
      count += 1;
    }
    expect(count).toBe(3_000);
    expect(await rowsOf(store, "state")).toEqual([]);
    await store.close();
  });
});

describe("a reader in a worker", () => {
  test("reads what the store applied, at once, and a snapshot of before", async () => {
    const path = temporaryDirectory();
    const store = await open(path);
    await store.apply([row("state", "k", "one")]);
    const worker = new Worker(new URL("reader-main.ts", import.meta.url), { workerData: { path } });
    const ask = async (question: string): Promise<unknown> => {
      const answer = new Promise((resolve) => worker.once("message", resolve));
      worker.postMessage(question);
      return answer;
    };
    await new Promise((resolve) => worker.once("message", resolve));
    expect(await ask("get")).toBe("one");
    await ask("snapshot");
    await store.apply([row("state", "k", "two")]);
    expect(await ask("get")).toBe("two");
    expect(await ask("get snapshot")).toBe("one");
    // The worker dies without closing anything, as one that overran its time does.
    await worker.terminate();
    await store.close();
    await (await open(path)).close();
  });

  test("is refused where there is no store", async () => {
    await expect(openReader(temporaryDirectory())).rejects.toMatchObject({ code: "unavailable" });
  });
});
