/** Turns against a model: who may run beside whom, and in which order. */
import { keyedTurns, type Turn } from "@shoal/node/actors/keyed-turns.ts";
import * as fc from "fast-check";
import { expect, test } from "vitest";

test("writers one at a time and in order, readers at once, an owner alone", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.record({ key: fc.constantFrom("a", "b"), turn: fc.constantFrom<Turn>("read", "write", "alone") }), {
        maxLength: 25,
      }),
      async (scheduler, asked) => {
        const turns = keyedTurns();
        const running = new Map<string, Turn[]>();
        const started: Record<string, number[]> = { a: [], b: [] };
        const all = asked.map(({ key, turn }, at) =>
          turns.run(key, turn, async () => {
            const beside = running.get(key) ?? [];
            if (turn === "alone" || beside.includes("alone")) expect(beside).toEqual([]);
            if (turn === "write") expect(beside).not.toContain("write");
            running.set(key, [...beside, turn]);
            if (turn !== "read") started[key]?.push(at);
            await scheduler.schedule(Promise.resolve());
            const now = running.get(key) ?? [];
            now.splice(now.indexOf(turn), 1);
          }),
        );
        await scheduler.waitFor(Promise.all(all));
        for (const order of Object.values(started)) expect(order).toEqual(order.toSorted((a, b) => a - b));
        expect(turns.depth("a") + turns.depth("b")).toBe(0);
      },
    ),
    { numRuns: 300 },
  );
});

test("a failure gives the turn on, and waiting is bounded", async () => {
  const turns = keyedTurns(1);
  let release = (): void => undefined;
  const first = turns.run("k", "write", () => new Promise<void>((resolve) => (release = resolve)));
  const second = turns.run("k", "write", () => Promise.reject(new RangeError("failed")));
  await expect(turns.run("k", "write", async () => undefined)).rejects.toMatchObject({ code: "unavailable" });
  expect(await turns.run("k", "read", async () => "read beside it")).toBe("read beside it");
  release();
  await first;
  await expect(second).rejects.toThrow("failed");
  expect(await turns.run("k", "alone", async () => 1)).toBe(1);
});
