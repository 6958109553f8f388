/** Deltas of others on a worker thread: on the host's collections, and by a guest that keeps its own tree. */
import { prepareModule } from "@shoal/node/runtime/module/prepare.ts";
import type { Executor, MergeDelta, MergeOutcome, MergeRequest } from "@shoal/node/runtime/contract.ts";
import { DEFAULT_LIMITS } from "@shoal/node/runtime/limits.ts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { wat } from "../../../support/wat.ts";
import { builtApp } from "../../sdk/app/built.ts";
import { CONTEXT, DEVICE, EXECUTOR, NOW_NS, openStage, requestOf, returnedBy, type Stage } from "./stage.ts";

const NO_ROOT = new Uint8Array(32);
let author: Stage;
let stage: Stage;
let executor: Executor;
let kv: string;

beforeAll(async () => {
  author = await openStage();
  stage = await openStage();
  executor = await stage.executor({ workers: 1 });
  const { bytes } = prepareModule(await builtApp("kv-store"), DEFAULT_LIMITS);
  await author.install(bytes);
  kv = await stage.install(bytes);
});
afterAll(async () => {
  await author.close();
  await stage.close();
});

interface Made {
  readonly artifact: Uint8Array;
  readonly root: Uint8Array;
  readonly at: bigint;
}

let now = NOW_NS;

/** What a call on the author's node changed, and the root after it. */
async function call(method: string, args: object): Promise<Made> {
  now += 1_000_000n;
  const input = new TextEncoder().encode(JSON.stringify(args));
  const outcome = await author.apply(requestOf(kv, method, { input, nowNs: now }));
  returnedBy(outcome);
  return { artifact: outcome.artifact, root: outcome.rootHash ?? NO_ROOT, at: now };
}

const only = ({ artifact }: Made, more: Partial<MergeDelta> = {}): MergeDelta => ({ artifact, upon: [], ...more });

function merge(module: string, deltas: readonly MergeDelta[], more: Partial<MergeRequest> = {}): Promise<MergeOutcome> {
  return executor.merge({
    context: CONTEXT,
    module,
    executor: EXECUTOR,
    device: DEVICE,
    nowNs: NOW_NS,
    seed: new Uint8Array(32),
    limits: DEFAULT_LIMITS,
    root: NO_ROOT,
    deltas,
    ...more,
  });
}

const rootsOf = ({ results }: MergeOutcome): readonly string[] =>
  results.map((result) => ("root" in result ? Buffer.from(result.root).toString("hex") : result.refused));
const hex = ({ root }: Made): string => Buffer.from(root).toString("hex");

test("deltas of an app on the host's collections come to the author's roots, one after another", async () => {
  const made = [await call("init", {})];
  for (let n = 0; n < 50; n++) made.push(await call("set", { key: `key ${n % 20}`, value: `value ${n}` }));
  const merged = await merge(
    kv,
    made.map((one) => only(one)),
  );
  expect(rootsOf(merged)).toEqual(made.map(hex));
  await stage.store.apply(merged.rows);
  const got = stage.run(requestOf(kv, "get", { input: Buffer.from('{"key":"key 9"}'), mode: "read" }));
  expect(new TextDecoder().decode(returnedBy(got))).toBe('"value 49"');
});

test("a delta that is refused leaves nothing, takes along what builds upon it, and those after it go on", async () => {
  const first = await call("set", { key: "a", value: "1" });
  const second = await call("set", { key: "b", value: "2" });
  const whole = await merge(kv, [only(first), only(second)]);
  const parted = await merge(kv, [
    only(first),
    { artifact: Uint8Array.of(9, 9, 9), upon: [] },
    only(second, { upon: [1] }),
    only(second, { upon: [0] }),
  ]);
  expect(rootsOf(parted)).toEqual([
    rootsOf(whole)[0],
    expect.stringContaining("cannot be read"),
    expect.stringContaining("builds upon"),
    rootsOf(whole)[1],
  ]);
  expect(parted.rows).toEqual(whole.rows);
});

test("stamps outside of a delta's window refuse it", async () => {
  const made = await call("set", { key: "c", value: "3" });
  const merged = await merge(kv, [
    only(made, { afterNs: made.at + 1000n }),
    only(made, { untilNs: made.at - 1n }),
    only(made, { afterNs: made.at - 1n, untilNs: made.at + 1000n }),
  ]);
  expect(rootsOf(merged)).toEqual([
    expect.stringContaining("before what it follows"),
    expect.stringContaining("too far ahead"),
    expect.stringMatching(/^[0-9a-f]{64}$/),
  ]);
});

/** Writes its input under "n" and commits it as the root; traps before it commits where the first byte is 9. */
const OWN_TREE = `(module
  (import "env" "input" (func $input (param i64)))
  (import "env" "read_register" (func $register (param i64 i64) (result i32)))
  (import "env" "storage_write" (func $write (param i64 i64 i64) (result i32)))
  (import "env" "commit" (func $commit (param i64 i64)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\00\\04\\00\\00\\00\\00\\00\\00\\01\\00\\00\\00\\00\\00\\00\\00")
  (data (i32.const 16) "\\10\\04\\00\\00\\00\\00\\00\\00\\20\\00\\00\\00\\00\\00\\00\\00")
  (data (i32.const 32) "\\00\\04\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00")
  (data (i32.const 1024) "n")
  (func (export "init"))
  (func (export "__calimero_sync_next")
    (call $input (i64.const 1)) (drop (call $register (i64.const 1) (i64.const 16)))
    (drop (call $write (i64.const 0) (i64.const 16) (i64.const 8)))
    (if (i32.eq (i32.load8_u (i32.const 1040)) (i32.const 9)) (then unreachable))
    (if (i32.eq (i32.load8_u (i32.const 1040)) (i32.const 7)) (then (loop $again (br $again))))
    (call $commit (i64.const 16) (i64.const 32))))`;

test("a guest that keeps its own tree merges each delta by itself; one that traps leaves nothing", async () => {
  const module = await stage.install(prepareModule(await wat(OWN_TREE), DEFAULT_LIMITS).bytes);
  const artifact = (n: number): MergeDelta => ({ artifact: new Uint8Array(32).fill(n), upon: [] });
  const merged = await merge(module, [1, 9, 2, 7].map(artifact));
  expect(rootsOf(merged)).toEqual([
    "01".repeat(32),
    expect.stringContaining("WasmTrap"),
    "02".repeat(32),
    expect.stringContaining("GasExhausted"),
  ]);
  expect(merged.rows).toEqual([
    { column: "state", key: Uint8Array.of(...CONTEXT, 0x6e), value: new Uint8Array(32).fill(2) },
  ]);
});

test("a module that is not here is the node's trouble, not the deltas'", async () => {
  await expect(merge("11111111111111111111111111111111", [])).rejects.toMatchObject({ code: "not_found" });
});
