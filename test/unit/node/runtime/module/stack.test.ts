import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { readMeters, setMeters } from "@shoal/node/runtime/module/meters.ts";
import { DEFAULT_LIMITS } from "@shoal/node/runtime/limits.ts";
import { instantiate, prepareText } from "./fixtures.ts";

const GAS = 1n << 40n;
const STACK = DEFAULT_LIMITS.maxStackBytes;

/** Recursion `n` deep, by a function with these locals, whose operands pile up before the call. */
function recursion(locals: string, operands: number): string {
  const pile = Array.from({ length: operands }, (_, at) => `(i64.add (local.get $x) (i64.const ${at}))`).join(" ");
  return `(module (memory (export "memory") 1) (type $t (func (param i32 i64) (result i64)))
    (table 1 funcref) (elem (i32.const 0) $down)
    (func $down (param $n i32) (param $x i64) (result i64) (local ${locals})
      (if (i32.eqz (local.get $n)) (then (return (local.get $x))))
      ${pile}
      (call_indirect (type $t) (i32.sub (local.get $n) (i32.const 1)) (i64.add (local.get $x) (i64.const 3)) (i32.const 0))
      ${"i64.add ".repeat(operands)})
    (func (export "run") (param i32) (result i64) (call $down (local.get 0) (i64.const 1)))
    (func (export "forever") (drop (call $down (i32.const -1) (i64.const 1)))))`;
}

const SHAPES: readonly [name: string, locals: string, operands: number][] = [
  ["nothing but parameters", "", 0],
  ["200 locals", "i64 ".repeat(200), 0],
  ["40 operands", "", 40],
  ["200 floats and 100 operands", "f64 ".repeat(200), 100],
];

describe("the stack meter", () => {
  it.each(SHAPES)("traps a recursion without end before the engine does, with %s", async (_name, locals, operands) => {
    const prepared = await prepareText(recursion(locals, operands));
    const instance = instantiate(new WebAssembly.Module(prepared.bytes));
    const gas: bigint[] = [];
    for (let run = 0; run < 3; run++) {
      setMeters(instance, { gas: GAS, stackBytes: STACK });
      expect(instance.exports["forever"]).toThrow(WebAssembly.RuntimeError);
      expect(readMeters(instance).exhausted).toBe("stack");
      gas.push(readMeters(instance).gasLeft);
    }
    expect(new Set(gas).size).toBe(1);
  });

  it("charges 64 bytes for a call, and 8 for each parameter, local and operand", async () => {
    const prepared = await prepareText(recursion("i64 i64 i64", 4));
    const instance = instantiate(new WebAssembly.Module(prepared.bytes));
    // 2 parameters, 3 locals, 4 operands and the 3 of the call on top of them; `run` itself: 1 parameter, 2 operands.
    const frame = 64 + 8 * (2 + 3 + 4 + 3);
    const own = 64 + 8 * (1 + 2);
    const run = instance.exports["run"] as (n: number) => bigint;
    const isEnough = (depth: number, stackBytes: number): boolean => {
      setMeters(instance, { gas: GAS, stackBytes });
      try {
        run(depth);
        return true;
      } catch {
        expect(readMeters(instance).exhausted).toBe("stack");
        return false;
      }
    };
    for (const depth of [0, 1, 7, 900]) {
      const needed = own + (depth + 1) * frame;
      expect(isEnough(depth, needed)).toBe(true);
      expect(isEnough(depth, needed - 1)).toBe(false);
    }
  });

  it("gives back what returned: a long run of calls one after another needs the stack of one", async () => {
    const prepared = await prepareText(`(module (memory (export "memory") 1)
      (func $leaf (param i32) (result i32) (local.get 0))
      (func $one (param i32) (result i32) (if (local.get 0) (then (return (call $leaf (i32.const 1))))) (call $leaf (i32.const 2)))
      (func (export "run") (local $i i32)
        (loop $again
          (drop (call $one (i32.and (local.get $i) (i32.const 1))))
          (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100000))))))`);
    const instance = instantiate(new WebAssembly.Module(prepared.bytes));
    setMeters(instance, { gas: GAS, stackBytes: 300 });
    (instance.exports["run"] as () => void)();
    expect(readMeters(instance).exhausted).toBeUndefined();
  });

  it("is reached before the engine's limit in a worker thread of 8 MB of stack as well", async () => {
    for (const [, locals, operands] of SHAPES) {
      const prepared = await prepareText(recursion(locals, operands));
      expect(await inWorker(prepared.bytes)).toEqual({ error: "RuntimeError: unreachable", stack: true });
    }
  });

  it("is reached first, too, where the engine has put another function's frame into that of the one that recurs", async () => {
    const values = Array.from({ length: 60 }, (_, at) => `(i64.load offset=${at * 8} (local.get 0))`).join(" ");
    const prepared = await prepareText(`(module (memory (export "memory") 1)
      (func $large (param i32) (result i64)
        ${values} (i64.store (local.get 0) (i64.const 77)) (i64.const 1) ${"i64.xor ".repeat(60)})
      (func $down (param i32) (result i64)
        (if (i32.eqz (local.get 0)) (then (return (i64.const 0))))
        (i64.store (i32.const 800) (i64.add (i64.load (i32.const 800)) (i64.mul (i64.const 3) (i64.load (i32.const 808)))))
        (i64.store (i32.const 816) (i64.add (i64.load (i32.const 800)) (i64.mul (i64.const 3) (i64.load (i32.const 808)))))
        (i64.add
          (call $large (i32.and (local.get 0) (i32.const 0xff)))
          (call $down (i32.sub (local.get 0) (i32.const 1)))))
      (func (export "warm") (drop (call $down (i32.const 500))))
      (func (export "forever") (drop (call $down (i32.const -1)))))`);
    expect(await inWorker(prepared.bytes)).toEqual({ error: "RuntimeError: unreachable", stack: true });
  });
});

const PROGRAM = `
  const { parentPort, workerData } = require("node:worker_threads");
  const instance = new WebAssembly.Instance(new WebAssembly.Module(workerData.bytes));
  instance.exports.__shoal_gas.value = 1n << 40n;
  instance.exports.__shoal_stack.value = workerData.stack;
  if (instance.exports.warm) for (let run = 0; run < 3000; run++) instance.exports.warm();
  let error = "none";
  try { instance.exports.forever(); } catch (thrown) { error = String(thrown); }
  parentPort.postMessage({ error, stack: instance.exports.__shoal_stack.value < 0 });
`;

function inWorker(bytes: Uint8Array): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(PROGRAM, {
      eval: true,
      workerData: { bytes, stack: STACK },
      resourceLimits: { stackSizeMb: 8 },
    });
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}
