/** The small parts that hold state: module cache, slots. */
import { array, assert, nat, property } from "fast-check";
import { Slots } from "@shoal/node/runtime/executor/slots.ts";
import { ModuleCache } from "@shoal/node/runtime/run/module-cache.ts";
import { expect, it } from "vitest";

it("a module cache keeps what was used last, within its bytes", () => {
  assert(
    property(array(nat(9), { maxLength: 60 }), (uses) => {
      const made: string[] = [];
      const cache = new ModuleCache<string>(20, (id) => {
        made.push(id);
        return { value: `module ${id}`, bytes: Number(id) + 1 };
      });
      let kept: string[] = [];
      for (const id of uses.map(String)) {
        const missed = !kept.includes(id);
        const before = made.length;
        expect(cache.get(id)).toBe(`module ${id}`);
        expect(made.length - before).toBe(missed ? 1 : 0);
        kept = [...kept.filter((one) => one !== id), id];
        while (kept.length > 1 && kept.reduce((sum, one) => sum + Number(one) + 1, 0) > 20) kept.shift();
      }
    }),
  );
});

it("a module cache remembers nothing of what could not be made", () => {
  let fails = true;
  const cache = new ModuleCache<string>(10, () => {
    if (fails) throw new Error("not now");
    return { value: "made", bytes: 1 };
  });
  expect(() => cache.get("a")).toThrow("not now");
  fails = false;
  expect(cache.get("a")).toBe("made");
});

it("a run is either begun or taken back, never both", () => {
  const executor = new Slots();
  const worker = new Slots(executor.shared);
  for (let n = 0; n < 20; n++) {
    const slot = executor.next();
    executor.offer(slot);
    expect(worker.next()).toBe(slot);
    if (n % 2 === 0) {
      expect(worker.begin(slot)).toBe(true);
      expect(executor.withdraw(slot)).toBe(false);
    } else {
      expect(executor.withdraw(slot)).toBe(true);
      expect(worker.begin(slot)).toBe(false);
    }
  }
});
