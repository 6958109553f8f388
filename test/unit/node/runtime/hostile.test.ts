/** Guests that mean harm: each ends with a named failure, in bounded time and memory, and the next run is none the worse. */
import { prepareModule } from "@shoal/node/runtime/module/prepare.ts";
import { DEFAULT_LIMITS, type VmLimits } from "@shoal/node/runtime/limits.ts";
import type { Executor } from "@shoal/node/runtime/contract.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { wat } from "../../../support/wat.ts";
import { callText, guest, Layout } from "./guest.ts";
import { endOf, limitsOf, openStage, requestOf, type Stage } from "./stage.ts";

let stage: Stage;
let executor: Executor;
let good: string;
beforeAll(async () => {
  stage = await openStage();
  executor = await stage.executor({ workers: 1, heapMb: 64 });
  good = await stage.install(await guest({ run: callText(["input", 1]) }));
});
afterAll(() => stage.close());

async function endOfGuest(body: string, limits: Partial<VmLimits> = {}, at = new Layout()): Promise<string> {
  const module = await stage.install(await guest({ run: body }, at));
  const outcome = await executor.run(requestOf(module, "run", { limits: limitsOf(limits) }));
  expect(outcome.rows).toEqual([]);
  expect(endOf(await executor.run(requestOf(good, "run")))).toBe("ok");
  return endOf(outcome);
}

describe("a hostile guest", () => {
  it("that loops runs out of gas", async () => {
    expect(await endOfGuest("(loop $l (br $l))", { maxGas: 10_000_000n })).toBe("GasExhausted");
  });

  it("that takes memory without end gets as much as the limit, and no more", async () => {
    const body = `(loop $l (br_if $l (i32.ge_s (memory.grow (i32.const 16)) (i32.const 0))))
      (i32.store (i32.const 0) (i32.const 1)) (i32.store (i32.const ${DEFAULT_LIMITS.maxMemoryPages * 65_536}) (i32.const 1))`;
    expect(await endOfGuest(body)).toBe("WasmTrap.MemoryOutOfBounds");
  });

  it("that wants 4 GiB at once is told no", async () => {
    const refused = "(if (i32.ge_s (memory.grow (i32.const 65535)) (i32.const 0)) (then unreachable))";
    expect(await endOfGuest(refused)).toBe("ok");
  });

  it("whose memory begins too large is refused before it is run", async () => {
    const bytes = await wat(`(module (memory (export "memory") 65536) (func (export "run")))`);
    const limits = { maxModuleBytes: DEFAULT_LIMITS.maxModuleBytes, maxMemoryPages: DEFAULT_LIMITS.maxMemoryPages };
    expect(() => prepareModule(bytes, limits)).toThrow("pages");
  });

  it("that calls itself without end runs out of stack, at the same depth everywhere", async () => {
    const text = `(module (memory (export "memory") 1) (func $f (export "run") (call $f)))`;
    const module = await stage.install(
      prepareModule(await wat(text), { maxModuleBytes: 1 << 20, maxMemoryPages: 16 }).bytes,
    );
    const outcomes = [await executor.run(requestOf(module, "run")), stage.run(requestOf(module, "run"))];
    expect(outcomes.map(endOf)).toEqual(["WasmTrap.StackOverflow", "WasmTrap.StackOverflow"]);
    expect(outcomes[0]?.gasUsed).toBe(outcomes[1]?.gasUsed);
  });

  it("that calls the host without end is stopped by their number", async () => {
    expect(await endOfGuest(`(loop $l ${callText(["input", 1])} (br $l))`)).toBe("HostError.HostCallsLimitExceeded");
  });

  it("that moves bytes without end is stopped by their number", async () => {
    const at = new Layout();
    const huge = at.words(0, 4 * 1024 * 1024);
    const body = `(loop $l (drop ${callText(["storage_write", at.buffer("k"), huge, 1])}) (br $l))`;
    expect(await endOfGuest(body, { maxStorageWriteBytes: 2 ** 40, maxHostBytes: 2 ** 28 }, at)).toBe(
      "HostError.HostBytesLimitExceeded",
    );
  });

  it("that writes without end is stopped by the number of writes", async () => {
    const at = new Layout();
    const body = `(loop $l (drop ${callText(["storage_write", at.buffer("k"), at.buffer("v"), 1])}) (br $l))`;
    expect(await endOfGuest(body, {}, at)).toBe("HostError.StorageWriteCountExceeded");
  });

  it("that fills registers is stopped by their bytes", async () => {
    const at = new Layout();
    const huge = at.words(0, 4 * 1024 * 1024);
    const key = at.buffer("k");
    const body = `(local $n i64) (drop ${callText(["storage_write", key, huge, 1])})
      (loop $l (drop (call $storage_read (i64.const ${key.address}) (local.get $n)))
        (local.set $n (i64.add (local.get $n) (i64.const 1))) (br $l))`;
    expect(await endOfGuest(body, { maxRegistersBytes: 2 ** 26 }, at)).toBe("HostError.InvalidMemoryAccess");
  });

  it("that returns, logs or emits more than it may is stopped by their sizes", async () => {
    const at = new Layout();
    const huge = 7 * 1024 * 1024;
    const returns = callText(["value_return", at.words(0, 0, huge)]);
    expect(await endOfGuest(returns, { maxReturnBytes: 1024 }, at)).toBe("HostError.ReturnValueSizeOverflow");
    expect(await endOfGuest(callText(["log_utf8", at.words(0, huge)]), {}, at)).toBe("HostError.LogLengthOverflow");
    const event = callText(["emit", at.words(0, 1, 0, huge)]);
    expect(await endOfGuest(event, {}, at)).toBe("HostError.EventDataSizeOverflow");
  });

  it("that asks for random bytes as large as its memory gets them", async () => {
    const at = new Layout();
    expect(await endOfGuest(callText(["random_bytes", at.words(0, 8 * 1024 * 1024)]), {}, at)).toBe("ok");
  });

  it("that keeps open what it may not keep open is stopped by the number of handles", async () => {
    expect(await endOfGuest(`(loop $l (drop (call $blob_create)) (br $l))`)).toBe("HostError.TooManyBlobHandles");
  });

  it("that starts with a loop is metered before any method is called", async () => {
    const text = `(module (memory (export "memory") 1) (func $start (loop $l (br $l))) (start $start) (func (export "run")))`;
    const options = { maxModuleBytes: 1 << 20, maxMemoryPages: 16 };
    const module = await stage.install(prepareModule(await wat(text), options).bytes);
    const outcome = await executor.run(requestOf(module, "run", { limits: limitsOf({ maxGas: 1_000_000n }) }));
    expect(endOf(outcome)).toBe("GasExhausted");
  });

  it.each([
    ["divides by zero", "(drop (i32.div_u (i32.const 1) (i32.const 0)))", "IllegalArithmetic"],
    ["converts what has no integer", "(drop (i32.trunc_f32_s (f32.const 1e20)))", "IllegalArithmetic"],
    ["reads past its memory", "(drop (i32.load (i32.const -4)))", "MemoryOutOfBounds"],
    ["fills past its memory", "(memory.fill (i32.const -8) (i32.const 0) (i32.const 64))", "MemoryOutOfBounds"],
    ["is unreachable", "unreachable", "Unreachable"],
  ])("that %s traps", async (_what, body, detail) => {
    expect(await endOfGuest(body)).toBe(`WasmTrap.${detail}`);
  });

  it.each([
    ["past the table", 9, "TableAccessOutOfBounds"],
    ["an empty place of the table", 1, "BadSignature"],
    ["a function of another type", 0, "BadSignature"],
  ])("that calls %s traps", async (_what, index, detail) => {
    const text = `(module (memory (export "memory") 1) (table 2 funcref) (elem (i32.const 0) $f) (type $t (func (param i64)))
      (func $f) (func (export "run") (call_indirect (type $t) (i64.const 0) (i32.const ${index}))))`;
    const options = { maxModuleBytes: 1 << 20, maxMemoryPages: 16 };
    const module = await stage.install(prepareModule(await wat(text), options).bytes);
    expect(endOf(await executor.run(requestOf(module, "run")))).toBe(`WasmTrap.${detail}`);
  });

  it("that fills the thread's heap loses the thread and nothing else", async () => {
    const at = new Layout();
    // Kinds of events become strings, which lie in the heap. The limits that would stop it first are set out of the way.
    const [place, length] = [0x20_0000, 512 * 1024];
    const emit = callText(["emit", at.words(place, length, 0, 0)]);
    const body = `(memory.fill (i32.const ${place}) (i32.const 97) (i32.const ${length})) (loop $l ${emit} (br $l))`;
    const limits = { maxEvents: 1e9, maxEventKindBytes: 1e9, maxHostBytes: 2 ** 50, maxHostCalls: 1e9 };
    expect(await endOfGuest(body, limits, at)).toBe("HostError.WorkerLost");
  });
});
