/** Misuse of pointers, lengths, registers and text: the trap that upstream names, and nothing changed. */
import { IMPORTS } from "@shoal/node/runtime/abi.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { callText, guest, Layout, type Step } from "./guest.ts";
import { endOf, openStage, requestOf, type Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

type Steps = (layout: Layout) => readonly Step[];

/**
 * How each of the scripts ends. Each runs after a write and a commit, so that a run that should change nothing would have had
 * something to change.
 */
async function endsOf(scripts: Readonly<Record<string, Steps>>, committed = true): Promise<Record<string, string>> {
  const layout = new Layout();
  const first: Step[] = [
    ["storage_write", layout.buffer("k"), layout.buffer("v"), 1],
    ["private_storage_write", layout.buffer("k"), layout.buffer("v")],
    ["storage_index_set", layout.buffer("k"), layout.buffer("v")],
    ...(committed ? [["commit", layout.buffer(new Uint8Array(32)), layout.buffer("a")] as const] : []),
  ];
  const bodies = Object.entries(scripts).map(([name, steps]) => [name, bodyOf([...first, ...steps(layout)])]);
  const module = await stage.install(await guest(Object.fromEntries(bodies), layout));
  const ends = Object.keys(scripts).map((name) => {
    const outcome = stage.run(requestOf(module, name));
    expect(outcome.rows).toEqual([]);
    expect(outcome.rootHash).toBeUndefined();
    expect(outcome.events).toEqual([]);
    expect(outcome.xcalls).toEqual([]);
    return [name, endOf(outcome)];
  });
  return Object.fromEntries(ends);
}

async function endOfScript(steps: Steps, committed = true): Promise<string | undefined> {
  return (await endsOf({ run: steps }, committed))["run"];
}

function bodyOf(steps: readonly Step[]): string {
  const calls = steps.map((step) =>
    IMPORTS[step[0]]?.result === undefined ? callText(step) : `(drop ${callText(step)})`,
  );
  return calls.join("\n");
}

/** The calls whose i64 arguments are pointers, and which of them are. */
const POINTERS: Readonly<Record<string, readonly number[]>> = {
  panic: [0],
  panic_utf8: [0, 1],
  read_register: [1],
  value_return: [0],
  log_utf8: [0],
  emit: [0],
  emit_with_handler: [0, 1],
  xcall: [0],
  storage_read: [0],
  storage_write: [0, 1],
  storage_remove: [0],
  private_storage_read: [0],
  private_storage_write: [0, 1],
  private_storage_remove: [0],
  random_bytes: [0],
  time_now: [0],
  ed25519_verify: [0, 1, 2],
  blob_open: [0],
  blob_announce_to_context: [0, 1],
  storage_index_set: [0, 1],
  storage_index_remove: [0],
  storage_index_remove_prefix: [0],
  storage_index_scan: [0, 1],
  storage_index_last: [0, 1],
  storage_index_meta_set: [0, 1],
  storage_index_meta_get: [0],
  storage_index_meta_clear: [0],
  persist_root_state: [0],
  apply_storage_delta: [0],
  emit_migration_witness: [0],
  js_crdt_map_get: [0, 1],
  js_crdt_map_insert: [0, 1, 2],
  js_crdt_lww_set: [0, 1],
  js_frozen_storage_add: [0, 1],
  js_crdt_shared_new: [0],
};

const cases = Object.entries(POINTERS).flatMap(([name, at]) => at.map((position) => [name, position] as const));
const END = 128 * 65_536;

/** Good values for all arguments, so that only the one in question is wrong. */
function goodArguments(layout: Layout, name: string): (number | bigint | { address: number })[] {
  const lengths: Readonly<Record<string, readonly number[]>> = { ed25519_verify: [64, 32, 1], time_now: [8] };
  return (IMPORTS[name]?.params ?? []).map((_, at) => {
    if (name === "read_register") return at === 0 ? 2 : layout.room(1);
    if (name === "value_return") return layout.result(0, "x");
    if (name.startsWith("emit") && name !== "emit_migration_witness") return at === 0 ? layout.event("k", "d") : 0;
    if (name === "xcall") return layout.xcall(new Uint8Array(32), "m", "p");
    if (POINTERS[name]?.includes(at) !== true) return 1;
    if (name.startsWith("panic") && at === POINTERS[name].length - 1) return layout.location("f", 1, 1);
    return layout.buffer(new Uint8Array(lengths[name]?.[at] ?? 32));
  });
}

describe("a pointer that is none", () => {
  const wrong: Readonly<Record<string, (layout: Layout) => number | bigint | { address: number }>> = {
    "a descriptor past the end": () => END,
    "a descriptor that ends past the end": () => END - 8,
    "a descriptor far away": () => 0x7fff_ffff_ffff_fff0n,
    "a negative descriptor": () => -8n,
    "a buffer past the end": (layout) => layout.words(END, 1, END, 1, END, 1),
    "a buffer that ends past the end": (layout) => layout.words(END - 31, 32, END - 31, 32, END - 31, 32),
    "a pointer that wraps around": (layout) => layout.words(-1n, 32, -1n, 32, -1n, 32),
    "a pointer of 2^32 and more": (layout) => layout.words(0x1_0000_0000, 32, 0x1_0000_0000, 32, 0x1_0000_0000, 32),
  };
  it.each(Object.entries(wrong))("%s", async (_what, make) => {
    const scripts = cases
      .filter(([name]) => name !== "value_return" && name !== "read_register")
      .map(([name, position]): [string, Steps] => [
        `${name}_${position}`,
        (layout) => {
          const args = goodArguments(layout, name);
          args[position] = make(layout);
          return [[name, ...args]];
        },
      ]);
    const ends = await endsOf(Object.fromEntries(scripts));
    expect(ends).toEqual(Object.fromEntries(scripts.map(([name]) => [name, "HostError.InvalidMemoryAccess"])));
  });

  it("read_register and value_return", async () => {
    const bad = "HostError.InvalidMemoryAccess";
    const value: Step[] = [["context_id", 2]];
    expect(await endOfScript(() => [...value, ["read_register", 2, END]])).toBe(bad);
    expect(await endOfScript((at) => [...value, ["read_register", 2, at.words(END, 32)]])).toBe(bad);
    expect(await endOfScript(() => [["value_return", END]])).toBe(bad);
    expect(await endOfScript((at) => [["value_return", at.words(0, END, 1)]])).toBe(bad);
  });

  it("QuickJS' print, which has no descriptor", async () => {
    const bad = "HostError.InvalidMemoryAccess";
    expect(await endOfScript(() => [["js_std_d_print", 0, END, 1]])).toBe(bad);
    expect(await endOfScript(() => [["js_std_d_print", 0, -1, 1]])).toBe(bad);
    expect(await endOfScript(() => [["js_std_d_print", 0, 0, -1]])).toBe("HostError.LogLengthOverflow");
  });

  it("is none only where something is there: an empty buffer may point anywhere", async () => {
    expect(
      await endOfScript(
        (at) => [
          ["log_utf8", at.words(1, 0)],
          ["log_utf8", at.words(END * 2, 0)],
        ],
        false,
      ),
    ).toBe("ok");
  });
});

describe("misuse", () => {
  const misuse: Readonly<Record<string, readonly [steps: (at: Layout) => readonly Step[], end: string]>> = {
    "reading a register that is not there": [(at) => [["read_register", 77, at.room(1)]], "InvalidRegisterId"],
    "a result that is neither Ok nor Err": [(at) => [["value_return", at.result(2, "x")]], "DeserializationError"],
    "a second commit": [(at) => [["commit", at.buffer(new Uint8Array(32)), at.buffer("")]], "InvalidMemoryAccess"],
    "time into 4 bytes": [(at) => [["time_now", at.room(4)]], "InvalidMemoryAccess"],
    "a signature of 63 bytes": [
      (at) => [["ed25519_verify", at.room(63), at.room(32), at.buffer("m")]],
      "InvalidMemoryAccess",
    ],
    "a public key of 31 bytes": [
      (at) => [["ed25519_verify", at.room(64), at.room(31), at.buffer("m")]],
      "InvalidMemoryAccess",
    ],
    "a public key that is no point": [
      (at) => [["ed25519_verify", at.room(64), at.buffer(Buffer.alloc(32).fill(2, 0, 1)), at.buffer("m")]],
      "Ed25519IncorrectPublicKey",
    ],
    "an xcall to 31 bytes": [(at) => [["xcall", at.xcall(new Uint8Array(31), "m", "p")]], "InvalidMemoryAccess"],
    "text that is not UTF-8": [(at) => [["log_utf8", at.buffer(Uint8Array.of(0xc3, 0x28))]], "BadUTF8"],
    "an event whose kind is not UTF-8": [(at) => [["emit", at.event(Uint8Array.of(0xff), "d")]], "BadUTF8"],
    "a handle that nobody gave": [(at) => [["blob_write", 9, at.buffer("x")]], "InvalidBlobHandle"],
    "writing to a blob that is read": [
      (at) => [
        ["blob_open", at.room(32)],
        ["blob_write", 1, at.buffer("x")],
      ],
      "InvalidBlobHandle",
    ],
    "reading from a blob that is written": [
      (at) => [["blob_create"], ["blob_read", 1, at.room(4)]],
      "InvalidBlobHandle",
    ],
    "a handle that is closed": [
      (at) => [["blob_create"], ["blob_close", 1, at.room(32)], ["blob_close", 1, at.room(32)]],
      "InvalidBlobHandle",
    ],
    "a blob's id into 31 bytes": [(at) => [["blob_create"], ["blob_close", 1, at.room(31)]], "InvalidMemoryAccess"],
    "a blob that is not here": [
      (at) => [
        ["blob_open", at.room(32)],
        ["blob_read", 1, at.room(4)],
      ],
      "BlobNotFound",
    ],
    "a delta that is none": [(at) => [["apply_storage_delta", at.buffer("garbage")]], "DeserializationError"],
  };
  it.each(Object.entries(misuse))("%s", async (_what, [steps, end]) => {
    expect(await endOfScript(steps)).toBe(`HostError.${end}`);
  });

  it("a root of 31 bytes", async () => {
    const end = await endOfScript((at) => [["commit", at.room(31), at.buffer("")]], false);
    expect(end).toBe("HostError.InvalidMemoryAccess");
  });

  it("says where a guest panicked", async () => {
    const layout = new Layout();
    const step: Step = ["panic_utf8", layout.buffer("ünhappy"), layout.location("src/lib.rs", 3, 14)];
    const module = await stage.install(await guest({ run: callText(step) }, layout));
    expect(stage.run(requestOf(module, "run")).returns).toEqual({
      failure: { kind: "HostError", detail: "Panic", message: "guest panicked: ünhappy at src/lib.rs:3:14" },
    });
  });

  it("sees memory that has grown since the last call", async () => {
    const layout = new Layout();
    const line = layout.words(END, 2);
    const body = `(drop (memory.grow (i32.const 1))) (i32.store8 (i32.const ${END}) (i32.const 104))
      (i32.store8 (i32.const ${END + 1}) (i32.const 105)) ${callText(["log_utf8", line])}`;
    const module = await stage.install(
      await guest({ run: `${callText(["log_utf8", layout.buffer("before")])} ${body}` }, layout),
    );
    expect(stage.run(requestOf(module, "run")).logs).toEqual(["before", "hi"]);
  });
});
