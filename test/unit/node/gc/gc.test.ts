/** The collector over real contexts and blobs: what it removes, what it leaves, and how little it holds up. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { addReference } from "@shoal/node/blobs/manifest.ts";
import { createCollector, type Collector } from "@shoal/node/gc/collector.ts";
import { DEFAULT_GC, type GcSettings } from "@shoal/node/gc/settings.ts";
import { bytesOf, type ApplicationId, type ContextId } from "@shoal/node/model/ids.ts";
import { sha256 } from "@shoal/node/model/sha256.ts";
import { prefixRange } from "@shoal/node/storage/keys.ts";
import type { Column } from "@shoal/node/storage/store.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { milliseconds } from "@shoal/shared/base/time.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { expect, test } from "vitest";
import { eventually } from "../../../support/clock.ts";
import { countOf, counterApp } from "../context/counter-app.ts";
import { guestTree } from "../context/guest-tree.ts";
import { withRig, type Rig } from "../context/rig.ts";

const NONE: Uint8Array = new Uint8Array();
const SEED = new Uint8Array(32).fill(5);

function collectorOf({ store, blobs, contexts }: Rig, settings: Partial<GcSettings> = {}): Collector {
  return createCollector({
    store,
    blobs,
    contexts,
    settings: { ...DEFAULT_GC, pause: milliseconds(0), ...settings },
    clock: systemClock,
    log: silentLog,
  });
}

async function makeContext(rig: Rig): Promise<{ contextId: ContextId; applicationId: ApplicationId }> {
  const applicationId = await rig.install(await counterApp());
  const { contextId } = await rig.contexts.createContext({ applicationId, initializationParams: NONE, seed: SEED });
  return { contextId, applicationId };
}

async function rowsOf(rig: Rig, context: ContextId, columns: readonly Column[] = ["state", "private", "delta"]) {
  let rows = 0;
  for (const column of columns) for await (const _ of rig.store.scan(column, prefixRange(bytesOf(context)))) rows += 1;
  return rows;
}

const hoursAgo = (hours: number): bigint => BigInt(Math.trunc(systemClock.now() - hours * 3_600_000)) * 1_000_000n;
const idNumber = (n: number): Uint8Array => sha256(Uint8Array.of(n, n >> 8));

async function addTombstones(rig: Rig, context: ContextId, count: number, hours: number, from = 0): Promise<void> {
  for (let n = from; n < from + count; n++) {
    await rig.store.apply(guestTree.tombstone(bytesOf(context), idNumber(n), hoursAgo(hours)));
  }
}

test("old tombstones go, young ones stay, and it changes nothing that can be read", async () => {
  await withRig(async (rig) => {
    const { contextId } = await makeContext(rig);
    await addTombstones(rig, contextId, 5, 25);
    await addTombstones(rig, contextId, 3, 23, 100);
    const [before, rows] = [await rig.contexts.getContext(contextId), await rowsOf(rig, contextId)];
    const collector = collectorOf(rig);
    expect((await collector.run()).tombstones).toMatchObject({ rows: 5 });
    expect(await rowsOf(rig, contextId)).toBe(rows - 5);
    expect(await rig.contexts.getContext(contextId)).toEqual(before);
    expect((await collector.run()).tombstones).toMatchObject({ rows: 0 });
    expect(collector.totals.tombstones.rows).toBe(5);
  });
});

test("in steps of the batch, with calls answered between them", async () => {
  await withRig(async (rig) => {
    const { contextId } = await makeContext(rig);
    await addTombstones(rig, contextId, 60, 25);
    const collector = collectorOf(rig, { batch: 8 });
    const state = { isDone: false };
    const run = collector.run().finally(() => (state.isDone = true));
    let answered = 0;
    while (!state.isDone) {
      await rig.contexts.execute({ contextId, method: "add", args: NONE });
      answered += 1;
    }
    const { tombstones } = await run;
    expect(tombstones.rows).toBe(60);
    expect(tombstones.steps).toBeGreaterThanOrEqual(60 / 8);
    expect(answered).toBeGreaterThan(1);
  });
});

test("dry run counts what a run would remove, and removes nothing", async () => {
  await withRig(async (rig) => {
    const { contextId, applicationId } = await makeContext(rig);
    await addTombstones(rig, contextId, 4, 25);
    const other = await rig.contexts.createContext({ applicationId, initializationParams: NONE });
    await rig.contexts.deleteContext(other.contextId);
    const rows = [await rowsOf(rig, contextId), await rowsOf(rig, other.contextId)];
    const collector = collectorOf(rig);
    const dry = await collector.run({ dryRun: true });
    expect([await rowsOf(rig, contextId), await rowsOf(rig, other.contextId)]).toEqual(rows);
    expect(collector.totals.tombstones.rows).toBe(0);
    const wet = await collector.run();
    expect([wet.tombstones.rows, wet.orphans.rows]).toEqual([dry.tombstones.rows, dry.orphans.rows]);
    expect(await rowsOf(rig, other.contextId)).toBe(0);
  });
});

test("a dry run that is asked for while a run is under way is one of its own", async () => {
  await withRig(async (rig) => {
    const { contextId } = await makeContext(rig);
    await addTombstones(rig, contextId, 4, 25);
    const collector = collectorOf(rig);
    const [wet, joined, dry] = await Promise.all([collector.run(), collector.run(), collector.run({ dryRun: true })]);
    expect(wet).toBe(joined);
    expect([wet.tombstones.rows, dry.tombstones.rows]).toEqual([4, 0]);
  });
});

test("what a deleted context held goes: rows, references, and blobs nobody else holds", async () => {
  await withRig(async (rig) => {
    const { contextId } = await makeContext(rig);
    const content = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from("only the context's");
    };
    const owner = `context:${contextId}`;
    const { blobId } = await rig.blobs.add(content(), { rows: (blob) => addReference(blob, owner) });
    await collectorOf(rig).run();
    expect(await rig.blobs.info(blobId)).toBeDefined();
    await rig.contexts.deleteContext(contextId);
    await collectorOf(rig).run();
    expect(await rowsOf(rig, contextId)).toBe(0);
    expect(await rig.blobs.info(blobId)).toBeUndefined();
    const uploads = await rig.blobs.list();
    expect(uploads).toHaveLength(2);
    expect((await readdir(join(rig.directory, "blobs"), { recursive: true })).length).toBeGreaterThan(0);
  });
});

test("a context that is made again keeps what it wrote, whenever the collector runs", async () => {
  await withRig(async (rig) => {
    const { contextId, applicationId } = await makeContext(rig);
    for (let round = 0; round < 5; round++) {
      await rig.contexts.deleteContext(contextId);
      const collecting = collectorOf(rig, { batch: 1 }).run();
      await rig.contexts.createContext({ applicationId, initializationParams: NONE, seed: SEED });
      await rig.contexts.execute({ contextId, method: "add", args: NONE });
      await collecting;
      const { output } = await rig.contexts.execute({ contextId, method: "get", args: NONE });
      expect(countOf(output)).toBe(2);
    }
  });
});

test("on a timer, until it is stopped", async () => {
  await withRig(async (rig) => {
    const { contextId } = await makeContext(rig);
    await addTombstones(rig, contextId, 2, 25);
    const collector = collectorOf(rig, { checkInterval: milliseconds(5) });
    collector.start();
    await eventually(() => (collector.totals.tombstones.rows === 2 ? true : undefined), "the timer collected");
    await collector.stop();
  });
});
