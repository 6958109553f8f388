/** QuickJS apps: collections of the host, from a guest's call to what another node makes of the delta. */
import type { Outcome } from "@shoal/node/runtime/contract.ts";
import type { VmLimits } from "@shoal/node/runtime/limits.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { guest, Layout, scriptBody, type Step, toldOf } from "./guest.ts";
import { endOf, limitsOf, openStage, requestOf, returnedBy, type Stage } from "./stage.ts";

const ID = new Uint8Array(32).fill(8);
let alice: Stage;
let bob: Stage;
beforeAll(async () => {
  [alice, bob] = await Promise.all([openStage(), openStage()]);
});
afterAll(() => Promise.all([alice.close(), bob.close()]));

async function run(
  stage: Stage,
  steps: (at: Layout) => readonly Step[],
  limits: Partial<VmLimits> = {},
): Promise<Outcome> {
  const layout = new Layout();
  const module = await stage.install(await guest({ run: scriptBody(steps(layout)) }, layout));
  return stage.apply(requestOf(module, "run", { limits: limitsOf(limits) }));
}

const insert = (at: Layout, key: string, value: string): Step => [
  "js_crdt_map_insert",
  at.buffer(ID),
  at.buffer(key),
  at.buffer(value),
  1,
];
const made = (at: Layout): Step => ["js_crdt_map_new_with_id", at.buffer(ID), 1];
const get = (at: Layout, key: string): Step => ["js_crdt_map_get", at.buffer(ID), at.buffer(key), 1];

describe("collections of the host", () => {
  it("reach another node as a delta, which gives it the same root", async () => {
    const written = await run(alice, (at) => [made(at), insert(at, "k", "v"), ["flush_delta"]]);
    expect(endOf(written)).toBe("ok");
    expect(written.artifact.length).toBeGreaterThan(0);
    expect(written.timings?.merkleUs).toBeGreaterThan(0);

    const merged = await run(bob, (at) => [["apply_storage_delta", at.buffer(written.artifact)], ["flush_delta"]]);
    expect(endOf(merged)).toBe("ok");
    expect(Buffer.from(merged.rootHash ?? []).toString("hex")).toBe(
      Buffer.from(written.rootHash ?? []).toString("hex"),
    );
    // What was somebody else's is nobody's news.
    expect(merged.artifact).toHaveLength(0);
    const read = toldOf(returnedBy(await run(bob, (at) => [get(at, "k")])));
    expect(Buffer.from(read[0]?.register ?? []).toString()).toBe("v");
  });

  it("leave nothing without a flush", async () => {
    const outcome = await run(alice, (at) => [insert(at, "lost", "v")]);
    expect(outcome).toMatchObject({ rows: [], mutates: false });
    expect(toldOf(returnedBy(await run(alice, (at) => [get(at, "lost")])))[0]?.result).toBe(0n);
  });

  it("say what was wrong in the register that the call names, and in register 0 where it names none", async () => {
    const nothing = new Uint8Array(32).fill(77);
    const outcome = await run(alice, (at) => [
      ["register_len", 0],
      ["js_crdt_map_get", at.buffer(nothing), at.buffer("k"), 1],
      ["register_len", 0],
      ["js_crdt_counter_increment", at.buffer(nothing)],
      ["register_len", 0],
    ]);
    const told = toldOf(returnedBy(outcome));
    expect(told.slice(0, 4).map(({ result }) => result)).toEqual([-1n, -1n, -1n, -1n]);
    expect(Buffer.from(told[1]?.register ?? []).toString()).toMatch(/\w/);
    expect(told[4]?.result).toBeGreaterThan(0n);
  });

  it("clear the register where there is nothing", async () => {
    const outcome = await run(alice, (at) => [["context_id", 1], get(at, "none"), ["register_len", 1]]);
    expect(toldOf(returnedBy(outcome)).map(({ result }) => result)).toEqual([0n, 0n, -1n]);
  });

  it("count what is to be flushed before it is", async () => {
    const many = (at: Layout): Step[] => Array.from({ length: 5 }, () => insert(at, "k", "0123456789"));
    expect(endOf(await run(alice, many, { maxStorageWriteBytes: 49 }))).toBe("HostError.StorageWriteBytesExceeded");
    expect(endOf(await run(alice, many, { maxStorageWriteBytes: 50 }))).toBe("ok");
    const flushed = (at: Layout): Step[] => [insert(at, "k", "other"), ["flush_delta"]];
    expect(endOf(await run(alice, flushed, { maxArtifactBytes: 10 }))).toBe("HostError.ArtifactSizeOverflow");
    expect(endOf(await run(alice, flushed, { maxStorageWrites: 1 }))).toBe("HostError.StorageWriteCountExceeded");
  });

  it("commit once in a run", async () => {
    const twice = (at: Layout): Step[] => [
      insert(at, "a", "1"),
      ["flush_delta"],
      insert(at, "a", "2"),
      ["flush_delta"],
    ];
    expect(endOf(await run(alice, twice))).toBe("HostError.InvalidMemoryAccess");
  });
});
