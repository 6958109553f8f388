/** Each limit of the host: what is just allowed, and the trap of what is not. */
import { IMPORTS } from "@shoal/node/runtime/abi.ts";
import type { VmLimits } from "@shoal/node/runtime/limits.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { callText, guest, Layout, prepared, type Step } from "./guest.ts";
import { endOf, limitsOf, openStage, requestOf, type Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

async function endWith(limits: Partial<VmLimits>, steps: (layout: Layout) => readonly Step[]): Promise<string> {
  const layout = new Layout();
  const body = steps(layout).map((step) =>
    IMPORTS[step[0]]?.result === undefined ? callText(step) : `(drop ${callText(step)})`,
  );
  const module = await stage.install(await guest({ run: body.join("\n") }, layout));
  return endOf(stage.run(requestOf(module, "run", { limits: limitsOf(limits), input: new Uint8Array(10) })));
}

type Steps = (at: Layout) => readonly Step[];
const times =
  (count: number, steps: Steps): Steps =>
  (at) =>
    Array.from({ length: count }, () => steps(at)).flat();

/** `[limit, its value, what keeps to it, what does not, the trap]` */
const LIMITS: readonly (readonly [limit: Partial<VmLimits>, within: Steps, beyond: Steps, trap: string])[] = [
  [
    { maxRegisters: 2 },
    () => [
      ["input", 1],
      ["input", 2],
      ["input", 1],
    ],
    () => [
      ["input", 1],
      ["input", 2],
      ["input", 3],
    ],
    "InvalidMemoryAccess",
  ],
  [{ maxRegisterBytes: 31 }, () => [["input", 1]], () => [["context_id", 1]], "InvalidMemoryAccess"],
  [
    { maxRegistersBytes: 80 },
    () => [
      ["context_id", 1],
      ["context_id", 2],
      ["context_id", 1],
    ],
    () => [
      ["context_id", 1],
      ["context_id", 2],
      ["input", 3],
    ],
    "InvalidMemoryAccess",
  ],
  [
    { maxLogs: 2 },
    times(2, (at) => [["log_utf8", at.buffer("x")]]),
    (at) => [
      ["log_utf8", at.buffer("x")],
      ["log_utf8", at.buffer("x")],
      ["js_std_d_print", 0, at.raw(new Uint8Array(1)), 1],
    ],
    "LogsOverflow",
  ],
  [
    { maxLogBytes: 3 },
    (at) => [["log_utf8", at.buffer("abc")]],
    (at) => [["log_utf8", at.buffer("abcd")]],
    "LogLengthOverflow",
  ],
  [
    { maxEvents: 1 },
    (at) => [["emit", at.event("k", "d")]],
    (at) => [
      ["emit", at.event("k", "d")],
      ["emit_with_handler", at.event("k", "d"), 0],
    ],
    "EventsOverflow",
  ],
  [
    { maxEventKindBytes: 2 },
    (at) => [["emit", at.event("kk", "")]],
    (at) => [["emit", at.event("kkk", "")]],
    "EventKindSizeOverflow",
  ],
  [
    { maxEventDataBytes: 2 },
    (at) => [["emit", at.event("", "dd")]],
    (at) => [["emit", at.event("", "ddd")]],
    "EventDataSizeOverflow",
  ],
  [
    { maxHandlerNameBytes: 2 },
    (at) => [["emit_with_handler", at.event("", ""), at.buffer("hh")]],
    (at) => [["emit_with_handler", at.event("", ""), at.buffer("hhh")]],
    "EventHandlerSizeOverflow",
  ],
  [
    { maxXCalls: 1 },
    (at) => [["xcall", at.xcall(new Uint8Array(32), "m", "")]],
    times(2, (at) => [["xcall", at.xcall(new Uint8Array(32), "m", "")]]),
    "XCallsOverflow",
  ],
  [
    { maxXCallFunctionBytes: 2 },
    (at) => [["xcall", at.xcall(new Uint8Array(32), "mm", "")]],
    (at) => [["xcall", at.xcall(new Uint8Array(32), "mmm", "")]],
    "XCallFunctionSizeOverflow",
  ],
  [
    { maxXCallParamsBytes: 2 },
    (at) => [["xcall", at.xcall(new Uint8Array(32), "m", "pp")]],
    (at) => [["xcall", at.xcall(new Uint8Array(32), "m", "ppp")]],
    "XCallParamsSizeOverflow",
  ],
  ...keyed([
    ["storage_read", (key) => [key, 1]],
    ["storage_remove", (key) => [key, 1]],
    ["storage_write", (key, at) => [key, at.buffer(""), 1]],
    ["private_storage_read", (key) => [key, 1]],
    ["private_storage_write", (key, at) => [key, at.buffer("")]],
    ["storage_index_set", (key, at) => [key, at.buffer("")]],
    ["storage_index_last", (key, at) => [at.buffer(""), key, 1]],
  ]),
  ...(["storage_write", "private_storage_write", "storage_index_set"] as const).map((name): (typeof LIMITS)[number] => [
    { maxStorageValueBytes: 2 },
    (at) => [[name, at.buffer("k"), at.buffer("vv"), ...(name === "storage_write" ? [1] : [])]],
    (at) => [[name, at.buffer("k"), at.buffer("vvv"), ...(name === "storage_write" ? [1] : [])]],
    "ValueLengthOverflow",
  ]),
  [
    { maxStorageWrites: 2 },
    (at) => [
      ["storage_write", at.buffer("k"), at.buffer("v"), 1],
      ["storage_remove", at.buffer("k"), 1],
    ],
    times(3, (at) => [["private_storage_write", at.buffer("k"), at.buffer("v")]]),
    "StorageWriteCountExceeded",
  ],
  [
    { maxStorageWriteBytes: 4 },
    times(2, (at) => [["storage_write", at.buffer("k"), at.buffer("v"), 1]]),
    times(3, (at) => [["storage_write", at.buffer("k"), at.buffer("v"), 1]]),
    "StorageWriteBytesExceeded",
  ],
  [
    { maxStorageWriteBytes: 4 },
    times(2, (at) => [["storage_index_set", at.buffer("k"), at.buffer("v")]]),
    times(3, (at) => [["storage_index_set", at.buffer("k"), at.buffer("v")]]),
    "StorageWriteBytesExceeded",
  ],
  [
    { maxBlobHandles: 2 },
    (at) => [["blob_create"], ["blob_open", at.room(32)], ["blob_close", 1, at.room(32)], ["blob_create"]],
    (at) => [["blob_create"], ["blob_open", at.room(32)], ["blob_create"]],
    "TooManyBlobHandles",
  ],
  [
    { maxBlobChunkBytes: 2 },
    (at) => [["blob_create"], ["blob_write", 1, at.buffer("bb")]],
    (at) => [["blob_create"], ["blob_write", 1, at.buffer("bbb")]],
    "BlobWriteTooLarge",
  ],
  [
    { maxBlobChunkBytes: 32 },
    (at) => [["blob_open", at.room(32)]],
    (at) => [
      ["blob_open", at.room(32)],
      ["blob_read", 1, at.room(33)],
    ],
    "BlobBufferTooLarge",
  ],
  [
    { maxBlobBytes: 4 },
    (at) => [["blob_create"], ["blob_write", 1, at.buffer("bbbb")]],
    (at) => [["blob_create"], ["blob_write", 1, at.buffer("bb")], ["blob_create"], ["blob_write", 2, at.buffer("bbb")]],
    "TotalBlobMemoryExceeded",
  ],
  [
    { maxReturnBytes: 2 },
    (at) => [["value_return", at.result(0, "rr")]],
    (at) => [["value_return", at.result(0, "rrr")]],
    "ReturnValueSizeOverflow",
  ],
  [
    { maxArtifactBytes: 2 },
    (at) => [["commit", at.room(32), at.buffer("aa")]],
    (at) => [["commit", at.room(32), at.buffer("aaa")]],
    "ArtifactSizeOverflow",
  ],
  [{ maxHostCalls: 3 }, times(3, () => [["input", 1]]), times(4, () => [["input", 1]]), "HostCallsLimitExceeded"],
  [{ maxHostBytes: 20 }, times(2, () => [["input", 1]]), times(3, () => [["input", 1]]), "HostBytesLimitExceeded"],
];

function keyed(
  calls: readonly (readonly [string, (key: { address: number }, at: Layout) => (number | { address: number })[]])[],
): (typeof LIMITS)[number][] {
  return calls.map(([name, args]) => [
    { maxStorageKeyBytes: 2 },
    (at) => [[name, ...args(at.buffer("kk"), at)]],
    (at) => [[name, ...args(at.buffer("kkk"), at)]],
    "KeyLengthOverflow",
  ]);
}

describe("a limit", () => {
  it.each(LIMITS.map(([limit, within, beyond, trap]) => ({ limit, within, beyond, trap })))(
    "$limit: $trap",
    async ({ limit, within, beyond, trap }) => {
      expect(await endWith(limit, within)).toBe("ok");
      expect(await endWith(limit, beyond)).toBe(`HostError.${trap}`);
    },
  );

  it("bounds a scan's rows without failing it", async () => {
    const layout = new Layout();
    const rows = ["a", "b", "c"].map((key): Step => ["storage_index_set", layout.buffer(key), layout.buffer("")]);
    const scan: Step = ["storage_index_scan", layout.buffer(""), layout.buffer(""), 0, 0, 1];
    const text = [...rows, scan].map((step) => `(drop ${callText(step)})`).join("");
    const returned = `(i64.store (i32.const 8) (i64.const 64)) (i64.store (i32.const 16) (i64.const 22))
      (drop (call $read_register (i64.const 1) (i64.const 8)))
      (i64.store (i32.const 0) (i64.const 0)) (call $value_return (i64.const 0))`;
    const module = await stage.install(await guest({ run: text + returned }, layout));
    const outcome = stage.run(requestOf(module, "run", { limits: limitsOf({ maxIndexScanRows: 2 }) }));
    expect(endOf(outcome)).toBe("ok");
    // 4 bytes of count and 9 of each of two rows are 22 bytes: with three rows the register would not have fit the buffer.
    expect(outcome.returns).toMatchObject({ ok: expect.objectContaining({ 0: 2 }) });
  });

  it.each([
    ["", "EmptyMethodName"],
    ["x".repeat(257), "MethodNameTooLong"],
    ["bad-name", "InvalidMethodNameCharacter"],
    ["süß", "InvalidMethodNameCharacter"],
    ["nothing", "MethodNotFound"],
    ["memory", "MethodNotFound"],
    ["takes", "InvalidSignature"],
    ["gives", "InvalidSignature"],
    ["__shoal_start", "MethodNotFound"],
  ])("of methods' names: %j is %s", async (method, detail) => {
    const text = `(module (memory (export "memory") 1)
      (func $start) (start $start) (func (export "takes") (param i32)) (func (export "gives") (result i32) (i32.const 1)))`;
    const module = await stage.install(await prepared(text));
    expect(endOf(stage.run(requestOf(module, method)))).toBe(`MethodResolutionError.${detail}`);
  });
});
