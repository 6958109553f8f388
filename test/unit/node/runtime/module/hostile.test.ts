/** Modules that were damaged, by chance and on purpose: each is prepared or refused, quickly, and what was prepared can be run. */
import { beforeAll, describe, expect, it } from "vitest";
import { ModuleError } from "@shoal/node/runtime/module/error.ts";
import { setMeters } from "@shoal/node/runtime/module/meters.ts";
import { below, seeded, type Random } from "@shoal/shared/base/random.ts";
import { KERNELS } from "../../../../bench/support/meter-kernels.ts";
import { wat } from "../../../../support/wat.ts";
import { instantiate, prepare } from "./fixtures.ts";

const MUTANTS = 10_000;
/** Little, since some mutants fill or copy whole memories in a loop. */
const GAS = 20_000n;

/** Of every kind of section and many kinds of operators. */
const EVERYTHING = `(module
  (import "env" "commit" (func $commit (param i64 i64)))
  (import "env" "input" (func (param i64)))
  (type $t (func (param i32) (result i32)))
  (memory (export "memory") 1 4)
  (table $table 4 8 funcref)
  (global $g (mut i64) (i64.const -77))
  (global $f f64 (f64.const 3.25))
  (elem (i32.const 1) $double $half)
  (elem declare func $half)
  (data (i32.const 16) "some text that is here from the start")
  (data $later "and some that comes later")
  (func $start (global.set $g (i64.const 9)))
  (start $start)
  (func $double (type $t) (i32.shl (local.get 0) (i32.const 1)))
  (func $half (type $t) (i32.shr_u (local.get 0) (i32.const 1)))
  (func $two (param i32) (result i32 f32) (local.get 0) (f32.convert_i32_s (local.get 0)))
  (func (export "run") (local $i i32) (local $x f64)
    (block $out
      (loop $again
        (br_if $out (i32.ge_u (local.get $i) (i32.const 20)))
        (local.set $i (i32.add (i32.const 1) (call_indirect (type $t) (local.get $i) (i32.and (i32.const 1) (local.get $i)))))
        (block $a (block $b (br_table $a $b $again (local.get $i))))
        (local.set $x (f64.sqrt (f64.sub (local.get $x) (f64.load (local.get $i)))))
        (memory.init $later (i32.const 64) (i32.const 0) (i32.const 8))
        (f64.store (i32.const 128) (local.get $x))
        (call $two (local.get $i)) drop drop
        (br $again)))
    (call $commit (i64.const 0) (i64.extend_i32_u (i32.trunc_sat_f64_s (local.get $x))))))`;

let modules: readonly Uint8Array[];

beforeAll(async () => {
  modules = await Promise.all([EVERYTHING, ...KERNELS.map(({ text }) => text)].map(wat));
});

/** Whether it was accepted; throws where it was neither accepted nor refused in the known way. */
function isAccepted(bytes: Uint8Array): boolean {
  try {
    const prepared = prepare(bytes);
    runBriefly(prepared.bytes);
    return true;
  } catch (thrown) {
    if (!(thrown instanceof ModuleError)) throw thrown;
    expect(thrown.message).not.toBe("");
    expect(thrown.message).not.toContain("beyond what the engine takes");
    return false;
  }
}

/** Ends whatever the module does, as long as its meters work. */
function runBriefly(bytes: Uint8Array): void {
  const instance = instantiate(new WebAssembly.Module(bytes));
  for (const value of Object.values(instance.exports)) {
    if (typeof value !== "function") continue;
    setMeters(instance, { gas: GAS, stackBytes: 10_000 });
    try {
      value(...Array.from({ length: value.length }, () => 1));
    } catch (thrown) {
      // Only a guest's trap, or an argument of a type that JavaScript does not convert to.
      expect(thrown instanceof WebAssembly.RuntimeError || thrown instanceof TypeError).toBe(true);
    }
  }
}

/** Changes, inserts, removes or repeats a few bytes. */
function mutated(bytes: Uint8Array, random: Random): Uint8Array {
  const changed = [...bytes];
  for (let change = 1 + below(random, 4); change > 0; change--) {
    const at = 8 + below(random, Math.max(1, changed.length - 8));
    const length = 1 + below(random, 4);
    const kind = below(random, 5);
    if (kind === 0) changed[at] = below(random, 256);
    else if (kind === 1) changed[at] = (changed[at] ?? 0) ^ (1 << below(random, 8));
    else if (kind === 2) changed.splice(at, length);
    else if (kind === 3) changed.splice(at, 0, ...changed.slice(at, at + length));
    else changed[at] = [0x00, 0x7f, 0x80, 0xff, 0x0b, 0x40][below(random, 6)] ?? 0;
  }
  return Uint8Array.from(changed);
}

describe("a damaged module", () => {
  it("cut short at any byte is refused, or was complete", () => {
    for (const bytes of modules) {
      let accepted = 0;
      for (let length = 0; length < bytes.length; length++) if (isAccepted(bytes.subarray(0, length))) accepted++;
      // Without its last sections, a module may still be one.
      expect(accepted).toBeLessThan(5);
      expect(isAccepted(bytes)).toBe(true);
    }
  });

  it("with any one bit flipped is prepared or refused", () => {
    const bytes = modules[0] ?? new Uint8Array();
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      isAccepted(flipped);
    }
  });

  it(`changed in one of ${MUTANTS} ways is prepared or refused, and ends when it runs`, () => {
    const random = seeded(20_251_125);
    let accepted = 0;
    for (let mutant = 0; mutant < MUTANTS; mutant++) {
      const from = modules[below(random, modules.length)] ?? new Uint8Array();
      if (isAccepted(mutated(from, random))) accepted++;
    }
    expect(accepted).toBeGreaterThan(MUTANTS / 100);
    expect(accepted).toBeLessThan(MUTANTS);
  });
});

/** Unsigned LEB128 of `value` in five bytes. */
function wide(value: number): number[] {
  return [0, 7, 14, 21, 28].map((shift) => ((value / 2 ** shift) & 0x7f) | (shift === 28 ? 0 : 0x80));
}

const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

function section(id: number, content: readonly number[]): number[] {
  return [id, ...wide(content.length), ...content];
}

/** A module with one function whose body is this, locals included. */
function oneFunction(body: readonly number[]): Uint8Array {
  return Uint8Array.from([
    ...HEADER,
    ...section(1, [1, 0x60, 0, 0]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, 1]),
    ...section(7, [1, 6, ...new TextEncoder().encode("memory"), 2, 0]),
    ...section(10, [1, ...wide(body.length), ...body]),
  ]);
}

describe("a hostile module", () => {
  it.each([
    ["4 billion types", section(1, wide(0xffff_ffff)), "too many types"],
    ["4 billion locals", [], "too many locals"],
    ["4 billion parameters", section(1, [1, 0x60, ...wide(0xffff_ffff)]), "too many parameters"],
    ["a section of 4 GiB", [1, ...wide(0xffff_ffff)], "length out of bounds"],
    ["4 billion elements", section(9, [1, 0, 0x41, 0, 0x0b, ...wide(0xffff_ffff)]), "too many elements"],
    ["10 million elements in ten bytes", section(9, [1, 0, 0x41, 0, 0x0b, ...wide(9_000_000)]), "do not fit"],
  ])("that claims %s is refused before anything is allocated", (what, sections, reason) => {
    const locals = oneFunction([2, ...wide(0xffff_ffff), 0x7f, ...wide(0xffff_ffff), 0x7f, 0x0b]);
    const bytes = what.endsWith("locals") ? locals : Uint8Array.from([...HEADER, ...sections]);
    expect(() => prepare(bytes)).toThrow(reason);
  });

  it("that nests 100,000 blocks is prepared or refused without the host's stack overflowing", () => {
    const depth = 100_000;
    const blocks = Array.from({ length: depth }, () => [0x02, 0x40]).flat();
    const ends = Array.from({ length: depth + 1 }, () => 0x0b);
    isAccepted(oneFunction([0, ...blocks, ...ends]));
    const loops = blocks.map((byte) => (byte === 0x02 ? 0x03 : byte));
    isAccepted(oneFunction([0, ...loops, ...ends]));
  });

  it("whose branches all have thousands of targets takes time in proportion to its size", () => {
    const targets = Array.from({ length: 2000 }, () => 0);
    const branch = [0x02, 0x40, 0x41, 0, 0x0e, ...wide(targets.length), ...targets, 0, 0x0b];
    isAccepted(oneFunction([0, ...Array.from({ length: 300 }, () => branch).flat(), 0x0b]));
  });

  it("that is too large for the engine only once it is metered is refused with that", () => {
    // `if end`, over and over: as many payments as a body of its size can have.
    const pair = [0x41, 0, 0x04, 0x40, 0x0b];
    const body = Array.from({ length: 400_000 }, () => pair).flat();
    expect(() => prepare(oneFunction([0, ...body, 0x0b]))).toThrow(
      /beyond what the engine takes .* maximum function size/u,
    );
  });
});
