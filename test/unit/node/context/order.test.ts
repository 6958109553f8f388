/** Writes of a context happen in the order of asking, each on the one before; reads never wait for them. */
import type { ContextId } from "@shoal/node/model/ids.ts";
import { expect, test } from "vitest";
import { countOf, counterApp } from "./counter-app.ts";
import { withRig, type Rig } from "./rig.ts";

const NONE: Uint8Array = new Uint8Array();
const call = async (rig: Rig, contextId: ContextId, method: string): Promise<number> =>
  countOf((await rig.contexts.execute({ contextId, method, args: NONE })).output);

test("two hundred writes at once end as two hundred writes, answered in order", async () => {
  await withRig(async (rig) => {
    const applicationId = await rig.install(await counterApp());
    const { contextId } = await rig.contexts.createContext({ applicationId, initializationParams: NONE });
    const counts = await Promise.all(Array.from({ length: 200 }, () => call(rig, contextId, "add")));
    expect(counts).toEqual(Array.from({ length: 200 }, (_, at) => at + 2));
    let deltas = 0;
    for await (const _ of rig.store.scan("delta")) deltas += 1;
    expect(deltas).toBe(201);
  });
});

test("a read beside a write that takes long is answered, with a state that was", async () => {
  await withRig(
    async (rig) => {
      const applicationId = await rig.install(await counterApp());
      const { contextId } = await rig.contexts.createContext({ applicationId, initializationParams: NONE });
      // Known as a writer, so that it takes the write turn; then made to run until its gas ends.
      const order: string[] = [];
      const slow = call(rig, contextId, "spin").catch(() => order.push("spin"));
      const reads = Array.from({ length: 5 }, async () => {
        expect(await call(rig, contextId, "get")).toBe(1);
        order.push("get");
      });
      await Promise.all([slow, ...reads]);
      expect(order.at(-1)).toBe("spin");
    },
    { maxGas: 2_000_000_000n },
  );
});

test("contexts do not wait for each other", async () => {
  await withRig(async (rig) => {
    const applicationId = await rig.install(await counterApp());
    const made = await Promise.all(
      Array.from({ length: 8 }, () => rig.contexts.createContext({ applicationId, initializationParams: NONE })),
    );
    const counts = await Promise.all(made.flatMap(({ contextId }) => [1, 2, 3].map(() => call(rig, contextId, "add"))));
    expect(counts).toEqual(made.flatMap(() => [2, 3, 4]));
  });
});
