import { describe, expect, it } from "vitest";
import { IMPORTS } from "@shoal/node/runtime/abi.ts";
import { DEFAULT_LIMITS } from "@shoal/node/runtime/limits.ts";
import { ModuleError, type ModuleErrorKind } from "@shoal/node/runtime/module/error.ts";
import { readMeters, runStart, setMeters } from "@shoal/node/runtime/module/meters.ts";
import { prepareModule } from "@shoal/node/runtime/module/prepare.ts";
import { wat } from "../../../../support/wat.ts";
import { instantiate, prepare, prepareText } from "./fixtures.ts";

const MEMORY = `(memory (export "memory") 1)`;
const BUDGET = { gas: 1_000_000n, stackBytes: 1 << 16 };

function refusalOf(bytes: Uint8Array): ModuleError {
  try {
    prepare(bytes);
  } catch (thrown) {
    if (thrown instanceof ModuleError) return thrown;
    throw thrown;
  }
  throw new Error("the module was accepted");
}

/** A module of one function without parameters and results, whose operators are `code`, and a memory. */
function withCode(code: readonly number[]): Uint8Array {
  const body = [0, ...code, 0x0b];
  const upToCode = [
    [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 5, 3, 1, 0, 1],
    [7, 10, 1, 6, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 2, 0],
  ].flat();
  return Uint8Array.from([...upToCode, 10, body.length + 2, 1, body.length, ...body]);
}

/** The module with one more custom section. */
function withCustom(bytes: Uint8Array, name: string, content: string): Uint8Array {
  const text = new TextEncoder().encode(content);
  const size = [((text.length + name.length + 1) & 0x7f) | 0x80, (text.length + name.length + 1) >> 7];
  return Uint8Array.from([...bytes, 0, ...size, name.length, ...new TextEncoder().encode(name), ...text]);
}

describe("a module", () => {
  it("tells its methods, its imports, and what it was built with", async () => {
    const { bytes: _bytes, ...rest } = await prepareText(`(module
      (import "env" "storage_read" (func (param i64 i64) (result i32))) (import "env" "commit" (func (param i64 i64)))
      ${MEMORY}
      (func $method) (func $other (param i32))
      (export "set" (func $method)) (export "init" (func $method)) (export "helper" (func $other))
      (export "__calimero_sync_next" (func $method)))`);
    expect(rest).toEqual({
      methods: ["init", "set"],
      imports: ["storage_read", "commit"],
      generation: "G2",
      profile: "rust",
      readOnly: [],
    });
  });

  it.each([
    [`(import "env" "account_id" (func (param i64)))`, "G3", "rust"],
    [`(import "env" "storage_index_last" (func (param i64 i64 i64) (result i32)))`, "G3", "rust"],
    [`(import "env" "context_members" (func (param i64)))`, "G1", "rust"],
    [`(import "env" "send_proposal" (func (param i64 i64)))`, "G1", "rust"],
    [`(import "env" "js_crdt_map_new" (func (param i64) (result i32)))`, "G2", "js"],
    [`(import "env" "js_crdt_rga_new" (func (param i64) (result i32)))`, "G3", "js"],
    [`(import "env" "seal_to" (func (param i64 i64 i64) (result i32)))`, "G3", "rust"],
    [`(import "env" "something_new" (func (param f64) (result f32)))`, "G2", "rust"],
    [`(import "env" "constructor" (func (param f64) (result f32)))`, "G2", "rust"],
  ])("that has %s is of %s, with the %s SDK", async (text, generation, profile) => {
    expect(await prepareText(`(module ${text} ${MEMORY})`)).toMatchObject({ generation, profile });
  });

  it("tells from its ABI section which methods only read, and that such intents came with G3", async () => {
    const abi = JSON.stringify({
      schema_version: "wasm-abi/1",
      methods: [
        { name: "get", intent: "read_only" },
        { name: "set", intent: "mutate" },
        { name: "all", read_only: true },
        null,
      ],
    });
    const bytes = await wat(`(module ${MEMORY})`);
    const prepared = prepare(withCustom(bytes, "calimero_abi_v1", abi));
    expect(prepared).toMatchObject({ abi, readOnly: ["all", "get"], generation: "G3" });
    expect(prepare(withCustom(bytes, "calimero_abi_v1", "{}"))).toMatchObject({ abi: "{}", generation: "G2" });
    expect(refusalOf(withCustom(bytes, "calimero_abi_v1", "[")).message).toContain("not JSON");
    expect(refusalOf(withCustom(bytes, "calimero_abi_v1", "[]")).message).toContain("not a JSON object");
    const twice = withCustom(withCustom(bytes, "calimero_abi_v1", "{}"), "calimero_abi_v1", "{}");
    expect(refusalOf(twice).message).toContain("twice");
  });

  it("gives the same bytes each time", async () => {
    const text = `(module ${MEMORY} (func (export "run") (loop (br 0))))`;
    expect((await prepareText(text)).bytes).toEqual((await prepareText(text)).bytes);
  });
});

const PROGRAMS: readonly [text: string, kind: ModuleErrorKind, reason: string][] = [
  [`(module)`, "ModuleValidationError", `does not export "memory"`],
  [`(module (memory 1))`, "ModuleValidationError", `does not export "memory"`],
  [`(module (func (export "memory")))`, "ModuleValidationError", `"memory" is a function`],
  [`(module ${MEMORY} (func (export "_start")))`, "ModuleValidationError", `"_start"`],
  [`(module ${MEMORY} (func (export "__shoal_gas")))`, "ModuleValidationError", `reserved prefix "__shoal_"`],
  [
    `(module (import "env" "memory" (memory 1)) (export "memory" (memory 0)))`,
    "ModuleValidationError",
    `memory "env" "memory"`,
  ],
  [`(module (import "env" "t" (table 1 funcref)) ${MEMORY})`, "ModuleValidationError", `table "env" "t"`],
  [`(module (import "env" "g" (global i32)) ${MEMORY})`, "ModuleValidationError", `global "env" "g"`],
  [`(module (import "wasi" "fd_write" (func)) ${MEMORY})`, "LinkError", `"wasi" "fd_write"`],
  [
    `(module (import "env" "commit" (func (param i32 i32))) ${MEMORY})`,
    "LinkError",
    `"commit" has the type (i32, i32) -> (), but the host's has (i64, i64) -> ()`,
  ],
  [
    `(module (import "env" "emit" (func (param i64 i64 i64 i64))) ${MEMORY})`,
    "LinkError",
    "flattened host interface of 2024",
  ],
  [`(module (memory (export "memory") 1025))`, "ModuleValidationError", "1025 pages"],
  [`(module (memory (export "memory") 65536))`, "ModuleValidationError", "at most 1024"],
  [`(module ${MEMORY} (table 100001 funcref))`, "ModuleValidationError", "100001 elements"],
  [`(module ${MEMORY} (data (i32.const 65530) "1234567"))`, "ModuleValidationError", "data segment 0"],
  [`(module ${MEMORY} (data (i32.const -1) "1"))`, "ModuleValidationError", "data segment 0"],
  [
    `(module ${MEMORY} (table 1 funcref) (func $f) (elem (i32.const 1) $f))`,
    "ModuleValidationError",
    "element segment 0",
  ],
];

const CODE: readonly [what: string, code: readonly number[], kind: ModuleErrorKind, reason: string][] = [
  ["SIMD", [0xfd, 0x0c, ...Array.from({ length: 16 }, () => 0), 0x1a], "ModuleValidationError", "uses SIMD,"],
  ["relaxed SIMD", [0xfd, 0x80, 0x02], "ModuleValidationError", "uses relaxed SIMD"],
  ["an atomic fence", [0xfe, 0x03, 0x00], "ModuleValidationError", "threads"],
  ["a tail call", [0x12, 0x00], "ModuleValidationError", "tail calls"],
  ["a throw", [0x08, 0x00], "ModuleValidationError", "exception handling"],
  ["try_table", [0x1f, 0x40, 0x00, 0x0b], "ModuleValidationError", "exception handling"],
  ["struct.new", [0xfb, 0x00, 0x00], "ModuleValidationError", "garbage collection"],
  ["call_ref", [0x14, 0x00], "ModuleValidationError", "typed function references"],
  ["a load from another memory", [0x41, 0x00, 0x28, 0x40, 0x01, 0x00, 0x1a], "ModuleValidationError", "multi-memory"],
  ["an unknown operator", [0xff], "CompilationError", "illegal opcode 0xff"],
  ["a type error", [0x42, 0x00, 0x21, 0x00], "CompilationError", "local"],
  ["an operand too few", [0x1a], "CompilationError", "drop"],
];

describe("refused, with the reason", () => {
  it.each(PROGRAMS)("%s", async (text, kind, reason) => {
    const refusal = refusalOf(await wat(text));
    expect(refusal).toMatchObject({ kind, code: "invalid_argument", field: "module" });
    expect(refusal.message).toContain(reason);
  });

  it.each(CODE)("%s", (_what, code, kind, reason) => {
    const refusal = refusalOf(withCode(code));
    expect(refusal.kind).toBe(kind);
    expect(refusal.message).toContain(reason);
    expect(refusal.message).toMatch(/\(at byte \d+\)$/u);
    expect(refusal.offset).toBeGreaterThan(20);
  });

  it.each([
    ["no module at all", [1, 2, 3, 4, 5, 6, 7, 8], "magic header"],
    ["nothing", [], "unexpected end"],
    ["a component", [0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0], "binary version"],
    ["a shared memory", [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 5, 4, 1, 3, 1, 1], "threads"],
    ["a 64-bit memory", [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 5, 3, 1, 4, 1], "memory64"],
    ["a tag section", [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 13, 1, 0], "exception handling"],
    ["a count that lies", [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 5, 0xff, 0xff, 0x03, 0x60, 0], "do not fit"],
  ])("%s", (_what, bytes, reason) => {
    expect(refusalOf(Uint8Array.from(bytes)).message).toContain(reason);
  });

  it("one byte more than a module may have", async () => {
    const bytes = await wat(`(module ${MEMORY})`);
    const limits = { ...DEFAULT_LIMITS, maxModuleBytes: bytes.length };
    expect(prepareModule(bytes, limits).methods).toEqual([]);
    const over = Uint8Array.from([...bytes, 0]);
    expect(() => prepareModule(over, limits)).toThrow(
      expect.objectContaining({ kind: "ModuleSizeLimitExceeded", code: "payload_too_large" }),
    );
  });

  it("every known import with another type, and none with its own", async () => {
    const words = (what: string, types: readonly string[]): string =>
      types.length === 0 ? "" : `(${what} ${types.join(" ")})`;
    const textOf = (name: string, params: readonly string[], result?: string): string =>
      `(import "env" "${name}" (func ${words("param", params)} ${words("result", result === undefined ? [] : [result])}))`;
    const known = Object.entries(IMPORTS);
    const own = known.map(([name, { params, result }]) => textOf(name, params, result)).join("\n");
    expect((await prepareText(`(module ${own} ${MEMORY})`)).imports).toHaveLength(known.length);
    for (const [name, { params, result }] of known) {
      const refusal = refusalOf(await wat(`(module ${textOf(name, [...params, "i32"], result)} ${MEMORY})`));
      expect(refusal).toMatchObject({ kind: "LinkError" });
      expect(refusal.message).toContain(`"${name}"`);
    }
  });
});

describe("memory and tables", () => {
  it("grow up to the limit of the node, or to the module's own where that is smaller", async () => {
    const grown = async (limits: string, more: number): Promise<number> => {
      const { bytes } = await prepareText(`(module (memory (export "memory") ${limits})
        (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))`);
      const instance = instantiate(new WebAssembly.Module(bytes));
      setMeters(instance, { gas: 1n << 40n, stackBytes: 1 << 16 });
      return (instance.exports["grow"] as (pages: number) => number)(more);
    };
    expect(await grown("1", 1023)).toBe(1);
    expect(await grown("1", 1024)).toBe(-1);
    expect(await grown("1 65536", 1024)).toBe(-1);
    expect(await grown("1 3", 2)).toBe(1);
    expect(await grown("1 3", 3)).toBe(-1);
    expect(await grown("1", -1)).toBe(-1);
  });

  it("cost by size what is done at once: 16 bytes or one element a point, and nothing for memory that is not given", async () => {
    const { bytes } =
      await prepareText(`(module (memory (export "memory") 1) (table 10 funcref) (elem $e func $f $f $f) (func $f) (data $d "0123456789012345678901234567890123456789")
      (func (export "fill") (param i32) (memory.fill (i32.const 0) (i32.const 1) (local.get 0)))
      (func (export "copy") (param i32) (memory.copy (i32.const 0) (i32.const 1) (local.get 0)))
      (func (export "init") (param i32) (memory.init $d (i32.const 0) (i32.const 0) (local.get 0)))
      (func (export "grow") (param i32) (drop (memory.grow (local.get 0))))
      (func (export "tableCopy") (param i32) (table.copy (i32.const 0) (i32.const 1) (local.get 0)))
      (func (export "tableInit") (param i32) (table.init $e (i32.const 0) (i32.const 0) (local.get 0))))`);
    const instance = instantiate(new WebAssembly.Module(bytes));
    const cost = (name: string, size: number): number => {
      setMeters(instance, { gas: 1n << 40n, stackBytes: 1 << 16 });
      (instance.exports[name] as (size: number) => void)(size);
      return Number((1n << 40n) - readMeters(instance).gasLeft);
    };
    // Three operands, the operator and the end.
    expect(cost("fill", 0)).toBe(5);
    expect(cost("fill", 15)).toBe(5);
    expect(cost("fill", 16)).toBe(6);
    expect(cost("copy", 4096)).toBe(5 + 256);
    expect(cost("init", 40)).toBe(5 + 2);
    expect(cost("tableCopy", 7)).toBe(5 + 7);
    expect(cost("tableInit", 3)).toBe(5 + 3);
    // One operand, the operator, a drop and the end.
    expect(cost("grow", 2)).toBe(4 + 2 * 4096);
    expect(cost("grow", 5000)).toBe(4);
  });
});

describe("the meters", () => {
  it("are empty until they are set, so that nothing runs for free", async () => {
    const { bytes } = await prepareText(`(module ${MEMORY} (func (export "run")))`);
    const instance = instantiate(new WebAssembly.Module(bytes));
    expect(instance.exports["run"]).toThrow(WebAssembly.RuntimeError);
    expect(readMeters(instance)).toEqual({ gasLeft: 0n, exhausted: "gas" });
    setMeters(instance, BUDGET);
    (instance.exports["run"] as () => void)();
    expect(readMeters(instance)).toEqual({ gasLeft: BUDGET.gas - 1n, exhausted: undefined });
  });

  it("count the start function, which runs when it is told to", async () => {
    const { bytes } = await prepareText(`(module ${MEMORY} (global $g (export "g") (mut i32) (i32.const 0))
      (func $start (global.set $g (i32.const 7))) (start $start))`);
    const instance = instantiate(new WebAssembly.Module(bytes));
    const global = instance.exports["g"] as WebAssembly.Global<number>;
    expect(global.value).toBe(0);
    setMeters(instance, BUDGET);
    runStart(instance);
    expect(global.value).toBe(7);
    expect(readMeters(instance).gasLeft).toBe(BUDGET.gas - 3n);
  });

  it("stop a loop without end, a start function without end, and a memory bomb", async () => {
    const { bytes } = await prepareText(`(module ${MEMORY}
      (func $loop (export "loop") (loop (br 0)))
      (func (export "bomb") (loop (drop (memory.grow (i32.const 1))) (memory.fill (i32.const 0) (i32.const 1) (i32.const 65536)) (br 0)))
      (start $loop))`);
    const instance = instantiate(new WebAssembly.Module(bytes));
    for (const run of [
      () => runStart(instance),
      instance.exports["loop"] as () => void,
      instance.exports["bomb"] as () => void,
    ]) {
      setMeters(instance, { gas: 50_000_000n, stackBytes: 1 << 16 });
      expect(run).toThrow(WebAssembly.RuntimeError);
      expect(readMeters(instance)).toEqual({ gasLeft: 0n, exhausted: "gas" });
    }
  });

  it("tell a trap of the guest from one of their own", async () => {
    const { bytes } = await prepareText(`(module ${MEMORY} (func (export "run") (unreachable)))`);
    const instance = instantiate(new WebAssembly.Module(bytes));
    setMeters(instance, BUDGET);
    expect(instance.exports["run"]).toThrow("unreachable");
    expect(readMeters(instance)).toEqual({ gasLeft: BUDGET.gas - 1n, exhausted: undefined });
  });

  it("let the host charge for what it does", async () => {
    const { bytes } = await prepareText(`(module (import "env" "flush_delta" (func $host (result i32))) ${MEMORY}
      (table 1 funcref) (elem (i32.const 0) $host) (type $t (func (result i32)))
      (func (export "direct") (drop (call $host)))
      (func (export "indirect") (drop (call_indirect (type $t) (i32.const 0)))))`);
    const instance: WebAssembly.Instance = instantiate(new WebAssembly.Module(bytes), {
      flush_delta: () => {
        setMeters(instance, { ...BUDGET, gas: readMeters(instance).gasLeft - 1000n });
        return 1;
      },
    });
    for (const [name, own] of [
      ["direct", 3n],
      ["indirect", 4n],
    ] as const) {
      setMeters(instance, BUDGET);
      (instance.exports[name] as () => void)();
      expect(readMeters(instance).gasLeft).toBe(BUDGET.gas - own - 1000n);
    }
  });

  it("are not found in an instance of something else", async () => {
    const instance = instantiate(new WebAssembly.Module(await wat(`(module ${MEMORY})`)));
    expect(() => readMeters(instance)).toThrow("no instance of a prepared module");
    const { bytes } = await prepareText(`(module ${MEMORY})`);
    const prepared = instantiate(new WebAssembly.Module(bytes));
    expect(() => setMeters(prepared, { gas: -1n, stackBytes: 1 })).toThrow(RangeError);
    expect(() => setMeters(prepared, { gas: 1n, stackBytes: 1.5 })).toThrow(RangeError);
  });
});
