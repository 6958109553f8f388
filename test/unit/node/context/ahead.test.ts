/** Runs that go ahead of a disk which is slow, or refuses. */
import { createAhead, MAX_BYTES_AHEAD, MAX_ROWS_AHEAD } from "@shoal/node/context/ahead.ts";
import { loadContexts } from "@shoal/node/context/registry.ts";
import { decodeDelta } from "@shoal/node/dag/delta.ts";
import { bytesOf, idOf, type ContextId, type Hash } from "@shoal/node/model/ids.ts";
import { keyOf } from "@shoal/node/storage/keys.ts";
import type { Store } from "@shoal/node/storage/store.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { expect, test } from "vitest";
import { countOf, counterApp } from "./counter-app.ts";
import { withRig, type Rig } from "./rig.ts";

const NONE: Uint8Array = new Uint8Array();
const nobody = (): void => undefined;
const call = async (rig: Rig, contextId: ContextId, method: string): Promise<number> =>
  countOf((await rig.contexts.execute({ contextId, method, args: NONE })).output);

async function makeContext(rig: Rig): Promise<ContextId> {
  const applicationId = await rig.install(await counterApp());
  return (await rig.contexts.createContext({ applicationId, initializationParams: NONE })).contextId;
}

/** Makes the rig's store refuse, or answer only when it is let. */
function disk(store: Store): { refuse: boolean; hold: Promise<void> | undefined } {
  const state = { refuse: false, hold: undefined as Promise<void> | undefined };
  const apply = store.apply.bind(store);
  store.apply = async (rows) => {
    await state.hold;
    if (state.refuse) throw new ShoalError("unavailable", "the disk is full");
    return apply(rows);
  };
  return state;
}

test("while a batch is on its way the next runs go on, and readers see what is stored", async () => {
  await withRig(async (rig) => {
    const contextId = await makeContext(rig);
    await call(rig, contextId, "add");
    const state = disk(rig.store);
    let release = (): void => undefined;
    state.hold = new Promise((resolve) => (release = resolve));
    const counts = Promise.all(Array.from({ length: 20 }, () => call(rig, contextId, "add")));
    // A reader meanwhile sees what is stored, not what is on its way.
    expect(await call(rig, contextId, "get")).toBe(2);
    release();
    state.hold = undefined;
    expect(await counts).toEqual(Array.from({ length: 20 }, (_, at) => at + 3));
    expect(await call(rig, contextId, "get")).toBe(22);
  });
});

test("where the disk refuses, all that was built on it fails, nothing is told, and later calls go on from what is stored", async () => {
  await withRig(async (rig) => {
    const contextId = await makeContext(rig);
    await call(rig, contextId, "add");
    const before = [await rig.contexts.getContext(contextId), rig.events.length];
    const state = disk(rig.store);
    state.refuse = true;
    const calls = await Promise.allSettled(Array.from({ length: 10 }, () => call(rig, contextId, "add")));
    for (const one of calls) expect(one).toMatchObject({ status: "rejected", reason: { code: "unavailable" } });
    expect([await rig.contexts.getContext(contextId), rig.events.length]).toEqual(before);
    state.refuse = false;
    expect(await Promise.all([1, 2, 3].map(() => call(rig, contextId, "add")))).toEqual([3, 4, 5]);
    expect(rig.events).toHaveLength(Number(before[1]) + 3);
  });
});

test("a failure that comes and goes loses exactly the calls that were refused", async () => {
  await withRig(async (rig) => {
    const contextId = await makeContext(rig);
    const state = disk(rig.store);
    let acknowledged = 0;
    for (let round = 0; round < 10; round++) {
      state.refuse = round % 2 === 0;
      const calls = await Promise.allSettled(Array.from({ length: 5 }, () => call(rig, contextId, "add")));
      acknowledged += calls.filter(({ status }) => status === "fulfilled").length;
    }
    state.refuse = false;
    expect(acknowledged).toBeGreaterThan(0);
    expect(await call(rig, contextId, "get")).toBe(1 + acknowledged);
  });
});

test("where the sync alone is refused, what was written is told and built upon, and not acknowledged", async () => {
  await withRig(async (rig) => {
    const contextId = await makeContext(rig);
    const told: string[] = [];
    rig.replicas.onCommitted(({ id }) => void told.push(id));
    const events = rig.events.length;
    const durable = rig.store.durable.bind(rig.store);
    rig.store.durable = async () => {
      throw new ShoalError("unavailable", "the disk is full");
    };
    const calls = await Promise.allSettled([1, 2, 3].map(() => call(rig, contextId, "add")));
    for (const one of calls) expect(one).toMatchObject({ status: "rejected", reason: { code: "unavailable" } });
    expect(rig.events).toHaveLength(events + 3);
    rig.store.durable = durable;
    expect(await call(rig, contextId, "add")).toBe(5);
    const chain: string[] = [];
    for (let head = rig.replicas.summary(contextId)?.heads[0]; head !== undefined;) {
      chain.unshift(head);
      const stored = rig.store.get("delta", keyOf(bytesOf(contextId), bytesOf(head)));
      const [parent] = decodeDelta(stored ?? NONE).parents;
      head = parent === undefined ? undefined : idOf<Hash>(parent);
    }
    // The first is the one that made the context.
    expect(told).toEqual(chain.slice(1));
    expect((await rig.replicas.ids(contextId)).size).toBe(5);
  });
});

test("what gathers is one batch; of several rows of one key the latest is read, a removal too", async () => {
  await withRig(async (rig) => {
    const contextId = await makeContext(rig);
    const registry = await loadContexts(rig.store);
    const context = registry.get(contextId)!;
    let release = (): void => undefined;
    const hold = new Promise<void>((resolve) => (release = resolve));
    const batches: number[] = [];
    const apply: Store["apply"] = (rows) => {
      batches.push(rows.length);
      return hold;
    };
    const ahead = createAhead({ apply, durable: () => hold }, registry);
    const key = keyOf(bytesOf(contextId), Buffer.from("n"));
    const row = (value: Uint8Array | undefined) => ({ column: "state", key, value }) as const;
    const stored = [
      ahead.append({ ...context, createdAtMs: 1 }, [row(Buffer.from("a"))], nobody),
      ahead.append({ ...context, createdAtMs: 2 }, [row(Buffer.from("b")), row(undefined)], nobody),
      ahead.append({ ...context, createdAtMs: 2 }, [], nobody),
    ];
    expect(ahead.rows(contextId)).toEqual([row(undefined)]);
    expect([ahead.tip(contextId)?.createdAtMs, registry.get(contextId)?.createdAtMs]).toEqual([2, context.createdAtMs]);
    release();
    await Promise.all(stored);
    expect(batches).toEqual([1, 2]);
    expect([ahead.rows(contextId), registry.get(contextId)?.createdAtMs]).toEqual([[], 2]);
  });
});

test.each([
  ["rows", Array.from({ length: MAX_ROWS_AHEAD + 1 }, () => new Uint8Array())],
  ["bytes", [new Uint8Array(MAX_BYTES_AHEAD + 1)]],
])("the next run waits where too many %s are on their way, and only there", async (_, values) => {
  await withRig(async (rig) => {
    const contextId = await makeContext(rig);
    const registry = await loadContexts(rig.store);
    const context = registry.get(contextId)!;
    let release = (): void => undefined;
    const hold = new Promise<void>((resolve) => (release = resolve));
    const ahead = createAhead({ apply: () => hold, durable: () => hold }, registry);
    const rows = values.map((value) => ({ column: "state", key: NONE, value }) as const);
    const few = ahead.append(context, rows.slice(1), nobody);
    await ahead.room(contextId);
    const many = ahead.append(context, rows, nobody);
    let hasRoom = false;
    const waiting = ahead.room(contextId).then(() => (hasRoom = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(hasRoom).toBe(false);
    release();
    await Promise.all([few, many, waiting]);
    expect(hasRoom).toBe(true);
  });
});
