import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { setMeters } from "@shoal/node/runtime/module/meters.ts";
import { wat } from "../../../../support/wat.ts";
import { instantiate, prepare, prepareText } from "./fixtures.ts";
import { firstMemory, floatProgram, newState } from "./floats.ts";

const BUDGET = { gas: 1n << 40n, stackBytes: 1 << 16 };

function memoryOf(instance: WebAssembly.Instance): ArrayBuffer {
  return (instance.exports["memory"] as WebAssembly.Memory).buffer;
}

/** Everything that may make a NaN, given one that is not canonical in each place that takes a float. */
const F32_MAKERS = ["add", "sub", "mul", "div", "min", "max"].map(
  (name) => `(f32.${name} (f32.load (i32.const 0)) (f32.load (i32.const 0)))`,
);
const F32_ROUNDERS = ["sqrt", "ceil", "floor", "trunc", "nearest"].map(
  (name) => `(f32.${name} (f32.load (i32.const 0)))`,
);
const F64_MAKERS = [...F32_MAKERS, ...F32_ROUNDERS].map((text) => text.replaceAll("f32.", "f64."));

describe("a NaN", () => {
  it.each([
    ...F32_MAKERS,
    ...F32_ROUNDERS,
    "(f32.demote_f64 (f64.load (i32.const 0)))",
    "(f32.div (f32.const 0) (f32.const 0))",
  ])("is canonical where it is made: %s", async (text) => {
    const { bytes } =
      await prepareText(`(module (memory (export "memory") 1) (data (i32.const 0) "\\01\\00\\00\\00\\01\\00\\f4\\ff")
        (func (export "run") (result i32) (i32.reinterpret_f32 ${text})))`);
    const instance = instantiate(new WebAssembly.Module(bytes));
    new DataView(memoryOf(instance)).setUint32(0, text.includes("demote") ? 1 : 0xffc0_0001, true);
    setMeters(instance, BUDGET);
    expect((instance.exports["run"] as () => number)() >>> 0).toBe(0x7fc0_0000);
  });

  it.each([...F64_MAKERS, "(f64.promote_f32 (f32.load (i32.const 4)))", "(f64.sub (f64.const inf) (f64.const inf))"])(
    "is canonical where it is made: %s",
    async (text) => {
      const { bytes } =
        await prepareText(`(module (memory (export "memory") 1) (data (i32.const 0) "\\01\\00\\00\\00\\01\\00\\fc\\ff")
        (func (export "run") (result i64) (i64.reinterpret_f64 ${text})))`);
      const instance = instantiate(new WebAssembly.Module(bytes));
      setMeters(instance, BUDGET);
      expect(BigInt.asUintN(64, (instance.exports["run"] as () => bigint)())).toBe(0x7ff8_0000_0000_0000n);
    },
  );

  it("has the bits that counting on a machine without choices gives, whichever way it takes", async () => {
    let differing = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(255), { maxLength: 250, size: "max" }), async (choices) => {
        const program = floatProgram(choices);
        const bytes = await wat(program.text);
        const expected = newState();
        program.run(expected);
        const bitsAfter = (module: Uint8Array, isMetered: boolean): BigUint64Array => {
          const instance = instantiate(new WebAssembly.Module(module));
          const memory = new BigUint64Array(memoryOf(instance));
          memory.set(firstMemory());
          if (isMetered) setMeters(instance, BUDGET);
          (instance.exports["run"] as () => void)();
          return memory.slice(0, 13);
        };
        const metered = bitsAfter(prepare(bytes).bytes, true);
        expect([...metered]).toEqual([...expected.memory, ...expected.locals, expected.global]);
        if (bitsAfter(bytes, false).some((bits, at) => bits !== metered[at])) differing++;
      }),
      { numRuns: 300 },
    );
    // On a machine whose own NaNs were all canonical this would show nothing.
    expect(differing).toBeGreaterThan(0);
  });
});
