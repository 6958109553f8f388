import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import * as fc from "fast-check";
import type { ApiObject } from "@shoal/emulator/kubernetes/object.ts";
import { openStore, type Change, type Store } from "@shoal/emulator/kubernetes/store.ts";

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "shoal-store-"));
  path = join(folder, "objects.jsonl");
});
afterEach(async () => rm(folder, { recursive: true, force: true }));

const thing = (name: string, value = ""): ApiObject => ({ kind: "Thing", apiVersion: "v1", metadata: { name }, value });
const open = (watchWindow = 4) => openStore({ path, watchWindow });
const contents = (store: Store) => store.list("things").map(({ text }) => text);

describe("a store", () => {
  it("counts every write, kinds together, and gives each object its own version", () => {
    const store = open();
    expect(store.put("things", thing("a")).object.metadata.resourceVersion).toBe("1");
    expect(store.put("others", thing("a")).object.metadata.resourceVersion).toBe("2");
    expect(store.remove("things", "a")?.object.metadata.resourceVersion).toBe("3");
    expect(store.remove("things", "a")).toBeUndefined();
    expect(store.revision).toBe(3);
    store.close();
  });

  it("is after any history, and any restarts within it, what the history says", async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant("put"), name: fc.constantFrom("a", "b", "c"), value: fc.string() }),
      fc.record({ do: fc.constant("remove"), name: fc.constantFrom("a", "b", "c"), value: fc.constant("") }),
      fc.record({ do: fc.constant("restart"), name: fc.constant(""), value: fc.constant("") }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        await rm(path, { force: true });
        const model = new Map<string, string>();
        let store = open();
        let revision = 0;
        for (const { do: what, name, value } of steps) {
          if (what === "restart") {
            store.close();
            store = open();
            expect(store.revision).toBe(revision);
          } else if (what === "put") {
            store.put("things", thing(name, value));
            model.set(name, value);
          } else {
            store.remove("things", name);
            model.delete(name);
          }
          expect(store.revision).toBeGreaterThanOrEqual(revision);
          ({ revision } = store);
        }
        const found = store.list("things").map(({ object }) => [object.metadata.name, object["value"]]);
        expect(found).toEqual([...model].sort(([a], [b]) => (a < b ? -1 : 1)));
        store.close();
      }),
      { numRuns: 60 },
    );
  });

  it("tells every change since a version, or where it begins to know", () => {
    const store = open(4);
    const heard: Change[] = [];
    const leave = store.listen("things", (change) => heard.push(change));
    for (let i = 1; i <= 9; i++) store.put("things", thing("a", String(i)));
    expect(heard.map((change) => change.revision)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(store.since("things", 7)).toMatchObject([{ revision: 8 }, { revision: 9 }]);
    expect(store.since("things", 9)).toEqual([]);
    // Cut to the window at the ninth: five were forgotten.
    expect(store.since("things", 5)).toHaveLength(4);
    expect(store.since("things", 4)).toEqual({ oldest: 5 });
    leave();
    store.put("things", thing("a"));
    expect(heard).toHaveLength(9);
    store.close();
  });

  it("knows after a restart only what comes then", () => {
    const before = open();
    before.put("things", thing("a"));
    before.put("things", thing("b"));
    before.close();
    const store = open();
    expect(store.since("things", 1)).toEqual({ oldest: 2 });
    expect(store.since("things", 2)).toEqual([]);
    expect(store.since("never-seen", 1)).toEqual({ oldest: 2 });
    store.close();
  });

  it("keeps a list that was taken as it was", () => {
    const store = open();
    store.put("things", thing("a", "old"));
    const taken = store.list("things");
    store.put("things", thing("a", "new"));
    store.put("things", thing("b"));
    expect(taken.map(({ object }) => object["value"])).toEqual(["old"]);
    store.close();
  });

  it("writes its file anew when most of it is history, and loses nothing by it", async () => {
    const store = open();
    const large = "x".repeat(1024 ** 2);
    for (let i = 0; i < 40; i++) store.put("things", thing("a", `${i}${large}`));
    store.put("things", thing("last"));
    await store.synced();
    expect((await stat(path)).size).toBeLessThan(34 * 1024 ** 2);
    const said = contents(store);
    store.close();
    const again = open();
    expect(contents(again)).toEqual(said);
    expect(again.revision).toBe(41);
    again.close();
  });

  it("keeps its file to itself", async () => {
    const store = open();
    store.put("things", thing("a"));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readFile(path, "utf8")).toContain('"n":"a"');
    store.close();
  });
});
