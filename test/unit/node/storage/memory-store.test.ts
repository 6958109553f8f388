/** What the store in memory adds to the model that every store is held to (`store.test.ts`): size, copies, the close. */
import { createMemoryStore, type MemoryStore } from "@shoal/node/storage/memory-store.ts";
import { u64Key } from "@shoal/node/storage/keys.ts";
import type { Range } from "@shoal/node/storage/store.ts";
import { seeded, below } from "@shoal/shared/base/random.ts";
import { describe, expect, test } from "vitest";

async function keysOf(store: Pick<MemoryStore, "scan">, range: Range = {}): Promise<readonly number[]> {
  const keys: number[] = [];
  for await (const [key] of store.scan("state", range)) keys.push(Number(Buffer.from(key).readBigUInt64BE()));
  return keys;
}
const put = (n: number, value = n % 251) => ({
  column: "state" as const,
  key: u64Key(BigInt(n)),
  value: Uint8Array.of(value),
});
const drop = (n: number) => ({ column: "state" as const, key: u64Key(BigInt(n)), value: undefined });

describe("the store in memory", () => {
  test("keeps many rows in order while they come and go in any order", async () => {
    const random = seeded(1);
    const store = createMemoryStore();
    const model = new Set<number>();
    for (const share of [0.9, 0.5, 0.1]) {
      for (let at = 0; at < 10_000; at++) {
        const n = below(random, 6_000);
        const adds = random.next() < share;
        await store.apply([adds ? put(n) : drop(n)]);
        if (adds) model.add(n);
        else model.delete(n);
      }
      const sorted = [...model].toSorted((a, b) => a - b);
      expect(await keysOf(store)).toEqual(sorted);
      const middle = { gte: u64Key(1_000n), lt: u64Key(4_000n) };
      const inside = sorted.filter((n) => n >= 1_000 && n < 4_000);
      expect(await keysOf(store, middle)).toEqual(inside);
      expect(await keysOf(store, { ...middle, reverse: true, limit: 50 })).toEqual(inside.toReversed().slice(0, 50));
    }
    for (const n of model) await store.apply([drop(n)]);
    expect(await keysOf(store)).toEqual([]);
    await store.apply([put(7)]);
    expect(await keysOf(store)).toEqual([7]);
  });

  test("a copy and its original part, whichever is written", async () => {
    const original = createMemoryStore();
    await original.apply(Array.from({ length: 1_000 }, (_, n) => put(n)));
    const copy = original.copy();
    await copy.apply(Array.from({ length: 500 }, (_, n) => drop(n)));
    await original.apply([put(999, 7), put(2_000)]);
    expect(await keysOf(original)).toHaveLength(1_001);
    expect(await keysOf(copy)).toEqual(Array.from({ length: 500 }, (_, n) => n + 500));
    expect(copy.get("state", u64Key(999n))).toEqual(Uint8Array.of(999 % 251));
    expect(original.get("state", u64Key(999n))).toEqual(Uint8Array.of(7));
  });

  test("keeps its own bytes, whatever the caller does to his", async () => {
    const store = createMemoryStore();
    const [key, value] = [Uint8Array.of(1), Uint8Array.of(1)];
    await store.apply([{ column: "meta", key, value }]);
    key[0] = value[0] = 2;
    expect(store.get("meta", Uint8Array.of(1))).toEqual(Uint8Array.of(1));
  });

  test("takes keys longer than a call may have arguments", async () => {
    const store = createMemoryStore();
    const key = new Uint8Array(1 << 20).fill(200);
    await store.apply([{ column: "state", key, value: Uint8Array.of(1) }]);
    expect(store.get("state", key)).toEqual(Uint8Array.of(1));
  });

  test("refuses what comes after the close", async () => {
    const store = createMemoryStore();
    await store.close();
    await expect(store.apply([])).rejects.toMatchObject({ code: "unavailable" });
    await expect(store.durable()).rejects.toMatchObject({ code: "unavailable" });
    expect(() => store.get("state", new Uint8Array())).toThrow(/closed/);
  });
});
