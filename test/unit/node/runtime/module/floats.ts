/**
 * Programs over f64 of random shape, each as text and as what it means: bits, where arithmetic gives the canonical NaN and
 * everything else leaves them as they are.
 */
import { Choices } from "./programs.ts";

const CANONICAL = 0x7ff8_0000_0000_0000n;
const SIGN = 1n << 63n;
export const SLOTS = 8;
const LOCALS = 4;
const MAX_DEPTH = 4;

export interface State {
  readonly memory: BigUint64Array;
  readonly locals: bigint[];
  global: bigint;
}

interface Expression {
  readonly text: string;
  bits(state: State): bigint;
}

interface Statement {
  readonly text: string;
  run(state: State): void;
}

const view = new DataView(new ArrayBuffer(8));

function numberOf(bits: bigint): number {
  view.setBigUint64(0, bits);
  return view.getFloat64(0);
}

function arithmetic(result: number): bigint {
  if (Number.isNaN(result)) return CANONICAL;
  view.setFloat64(0, result);
  return view.getBigUint64(0);
}

const CONSTANTS: readonly [text: string, bits: bigint][] = [
  ["0", 0n],
  ["1.5", arithmetic(1.5)],
  ["-3", arithmetic(-3)],
  ["inf", arithmetic(Infinity)],
  ["-inf", arithmetic(-Infinity)],
  ["1e300", arithmetic(1e300)],
  ["nan", CANONICAL],
  ["-nan", CANONICAL | SIGN],
  ["nan:0x8000000001234", 0x7ff8_0000_0000_1234n],
  ["-nan:0xc000000000001", 0xfffc_0000_0000_0001n],
];

/** What the memory holds at first: numbers, and NaNs of several kinds. */
export function firstMemory(): BigUint64Array {
  return BigUint64Array.from({ length: SLOTS }, (_, slot) => CONSTANTS[(slot * 3 + 2) % CONSTANTS.length]?.[1] ?? 0n);
}

const BINARY: Readonly<Record<string, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  min: Math.min,
  max: Math.max,
};

const UNARY: Readonly<Record<string, (a: number) => number>> = {
  sqrt: Math.sqrt,
  ceil: Math.ceil,
  floor: Math.floor,
  trunc: Math.trunc,
};

function pick<T>(choices: Choices, from: Readonly<Record<string, T>>): [string, T] {
  const entries = Object.entries(from);
  const found = entries[choices.below(entries.length)];
  if (found === undefined) throw new Error("nothing to choose from");
  return found;
}

function leaf(choices: Choices): Expression {
  const local = choices.below(LOCALS);
  switch (choices.below(4)) {
    case 0: {
      const [text, bits] = CONSTANTS[choices.below(CONSTANTS.length)] ?? ["0", 0n];
      return { text: `(f64.const ${text})`, bits: () => bits };
    }
    case 1: {
      const slot = choices.below(SLOTS);
      return { text: `(f64.load (i32.const ${slot * 8}))`, bits: ({ memory }) => memory[slot] ?? 0n };
    }
    default:
      return { text: `(local.get ${local})`, bits: ({ locals }) => locals[local] ?? 0n };
  }
}

function expression(choices: Choices, depth = 0): Expression {
  if (choices.isSpent || depth >= MAX_DEPTH) return leaf(choices);
  const a = expression(choices, depth + 1);
  const local = choices.below(LOCALS);
  switch (choices.below(14)) {
    case 0:
    case 1:
    case 2:
    case 3: {
      const b = expression(choices, depth + 1);
      const [name, of] = pick(choices, BINARY);
      return { text: `(f64.${name} ${a.text} ${b.text})`, bits: (s) => arithmetic(both(s, a, b, of)) };
    }
    case 4: {
      const [name, of] = pick(choices, UNARY);
      return { text: `(f64.${name} ${a.text})`, bits: (s) => arithmetic(of(numberOf(a.bits(s)))) };
    }
    case 5:
      return { text: `(f64.neg ${a.text})`, bits: (s) => a.bits(s) ^ SIGN };
    case 6:
      return { text: `(f64.abs ${a.text})`, bits: (s) => a.bits(s) & ~SIGN };
    case 7: {
      const b = expression(choices, depth + 1);
      return {
        text: `(f64.copysign ${a.text} ${b.text})`,
        bits: (s) =>
          inOrder(
            a.bits(s),
            () => b.bits(s),
            (x, y) => (x & ~SIGN) | (y & SIGN),
          ),
      };
    }
    case 8:
      return {
        text: `(local.tee ${local} ${a.text})`,
        bits: (s) => (s.locals[local] = a.bits(s)),
      };
    case 9:
      return { text: `(f64.reinterpret_i64 (i64.reinterpret_f64 ${a.text}))`, bits: (s) => a.bits(s) };
    case 10:
      return { text: `(call $same ${a.text})`, bits: (s) => a.bits(s) };
    case 11:
      return { text: `(block (result f64) (br 0 ${a.text}))`, bits: (s) => a.bits(s) };
    case 12: {
      const b = expression(choices, depth + 1);
      return {
        text: `(select ${a.text} ${b.text} (f64.lt (local.get ${local}) (f64.const 1)))`,
        bits: (s) =>
          inOrder(
            a.bits(s),
            () => b.bits(s),
            (x, y) => (numberOf(s.locals[local] ?? 0n) < 1 ? x : y),
          ),
      };
    }
    default:
      return {
        text: `(f64.promote_f32 (f32.demote_f64 ${a.text}))`,
        bits: (s) => arithmetic(Math.fround(numberOf(a.bits(s)))),
      };
  }
}

function both(state: State, a: Expression, b: Expression, of: (a: number, b: number) => number): number {
  return inOrder(
    a.bits(state),
    () => b.bits(state),
    (x, y) => of(numberOf(x), numberOf(y)),
  );
}

/** The second operand is computed after the first, which may have changed what it reads. */
function inOrder<T>(first: bigint, second: () => bigint, of: (a: bigint, b: bigint) => T): T {
  return of(first, second());
}

function statement(choices: Choices, loops: number): Statement {
  const local = choices.below(LOCALS);
  const slot = choices.below(SLOTS);
  switch (choices.below(loops === 0 ? 6 : 4)) {
    case 0: {
      const value = expression(choices);
      return {
        text: `(f64.store (i32.const ${slot * 8}) ${value.text})`,
        run: (s) => void (s.memory[slot] = value.bits(s)),
      };
    }
    case 1: {
      const value = expression(choices);
      return { text: `(global.set 0 ${value.text})`, run: (s) => void (s.global = value.bits(s)) };
    }
    case 4: {
      const body = statements(choices, 1);
      const times = 1 + choices.below(3);
      return {
        text: `(local.set $i (i32.const ${times})) (loop ${body.text} (br_if 0 (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))`,
        run: (s) => {
          for (let time = 0; time < times; time++) body.run(s);
        },
      };
    }
    default: {
      const value = expression(choices);
      return { text: `(local.set ${local} ${value.text})`, run: (s) => void (s.locals[local] = value.bits(s)) };
    }
  }
}

function statements(choices: Choices, loops: number): Statement {
  const all = Array.from({ length: 2 + choices.below(5) }, () => statement(choices, loops));
  return {
    text: all.map(({ text }) => text).join("\n"),
    run: (state) => {
      for (const each of all) each.run(state);
    },
  };
}

/** A module with `run(f64)`, whose parameter and locals are in memory behind the slots when it ends; and what it means. */
export function floatProgram(bytes: readonly number[]): Statement {
  const body = statements(new Choices(bytes), 0);
  const ends = Array.from(
    { length: LOCALS },
    (_, at) => `(f64.store (i32.const ${(SLOTS + at) * 8}) (local.get ${at}))`,
  );
  return {
    text: `(module (memory (export "memory") 1) (global (mut f64) (f64.const 0))
      (func $same (param f64) (result f64) (local.get 0))
      (func (export "run") (local f64 f64 f64 f64) (local $i i32)
        ${body.text} ${ends.join(" ")} (f64.store (i32.const ${(SLOTS + LOCALS) * 8}) (global.get 0))))`,
    run: (state) => body.run(state),
  };
}

export function newState(): State {
  return { memory: firstMemory(), locals: Array.from({ length: LOCALS }, () => 0n), global: 0n };
}
