/** Programs of random shape, as text: every kind of control flow, calls of functions and of the host, loops that may not end. */

/** Decides what a program is made of; all zeros make the smallest one. */
export class Choices {
  readonly #bytes: readonly number[];
  #at = 0;

  constructor(bytes: readonly number[]) {
    this.#bytes = bytes;
  }

  get isSpent(): boolean {
    return this.#at >= this.#bytes.length;
  }

  below(limit: number): number {
    return (this.#bytes[this.#at++] ?? 0) % limit;
  }
}

interface Scope {
  readonly choices: Choices;
  /** Arity of each label, the innermost last. */
  readonly labels: readonly (0 | 1)[];
  readonly depth: number;
  /** Functions that may be called: those that come later, so that nothing recurs. */
  readonly callees: readonly number[];
}

const LOCALS = 4;
const FUNCTIONS = 4;
const MAX_DEPTH = 5;

function inner(scope: Scope, arity: 0 | 1): Scope {
  return { ...scope, labels: [...scope.labels, arity], depth: scope.depth + 1 };
}

function expression(scope: Scope): string {
  const { choices } = scope;
  if (choices.isSpent || scope.depth >= MAX_DEPTH) return `i32.const ${choices.below(7)}`;
  const sub = (): string => expression({ ...scope, depth: scope.depth + 1 });
  switch (choices.below(17)) {
    case 0:
    case 1:
      return `i32.const ${choices.below(200) - 100}`;
    case 2:
    case 3:
      return `local.get ${choices.below(LOCALS)}`;
    case 4:
      return `${sub()} ${sub()} i32.add`;
    case 5:
      return `${sub()} ${sub()} i32.lt_s`;
    case 6:
      return `${sub()} i32.eqz`;
    case 7:
      return `${sub()} local.tee ${choices.below(LOCALS)}`;
    case 8:
      return `${sub()} ${sub()} ${sub()} select`;
    case 9:
      return `global.get 0 ${sub()} ${choices.below(8) === 0 ? "" : "i32.const 1 i32.or"} i32.div_s`;
    case 10:
      return `${sub()} i32.const 0xfffc i32.and i32.load`;
    case 11: {
      const body = inner(scope, 1);
      return `block (result i32) ${statements(body)} ${expression(body)} end`;
    }
    case 12: {
      const body = inner(scope, 1);
      return `${sub()} if (result i32) ${statements(body)} ${expression(body)} else ${expression(body)} end`;
    }
    case 13: {
      const callee = scope.callees[choices.below(scope.callees.length + 1)];
      if (callee === undefined) return `i32.const ${choices.below(3)} memory.grow`;
      return `${sub()} call $f${callee}`;
    }
    default:
      return scope.callees.length < 2 ? sub() : `${sub()} ${sub()} i32.const 1 i32.and call_indirect (type $t)`;
  }
}

function jump(scope: Scope): string {
  const { choices, labels } = scope;
  const depth = choices.below(labels.length);
  const arity = labels[labels.length - 1 - depth] ?? 0;
  const value = arity === 1 ? expression(scope) : "";
  switch (choices.below(6)) {
    case 0:
      return `${value} br ${depth}`;
    case 1:
    case 2:
    case 3:
    case 4:
      return `${value} ${expression(scope)} br_if ${depth} ${arity === 1 ? "drop" : ""}`;
    default: {
      // All targets of one br_table have the same arity.
      const same = labels.flatMap((found, at) => (found === arity ? [labels.length - 1 - at] : []));
      const targets = Array.from({ length: 1 + choices.below(3) }, () => same[choices.below(same.length)] ?? depth);
      return `${value} ${expression(scope)} br_table ${targets.join(" ")}`;
    }
  }
}

function statement(scope: Scope): string {
  const { choices } = scope;
  const body = (arity: 0 | 1 = 0): string => statements(inner(scope, arity));
  switch (choices.below(scope.depth >= MAX_DEPTH ? 6 : 14)) {
    case 0:
      return "nop";
    case 1:
    case 2:
      return `${expression(scope)} local.set ${choices.below(LOCALS)}`;
    case 3:
      return `${expression(scope)} global.set 0`;
    case 4:
      return `${expression(scope)} i32.const 0xfffc i32.and ${expression(scope)} i32.store`;
    case 5:
      return choices.below(2) === 0
        ? "call $host"
        : `i32.const 8 i32.const 1 i32.const ${choices.below(100)} memory.fill`;
    case 6:
      return jump(scope);
    case 7:
      return `block ${body()} end`;
    case 8: {
      // Goes round a few times, unless its body makes it otherwise.
      const counter = choices.below(LOCALS);
      return `loop ${body()} local.get ${counter} i32.const 1 i32.add local.tee ${counter} i32.const ${choices.below(9)} i32.lt_s br_if 0 ${body()} end`;
    }
    case 9: {
      const counter = choices.below(LOCALS);
      const round = statements(inner(inner(scope, 0), 0));
      return `block loop local.get ${counter} i32.const 1 i32.add local.tee ${counter} i32.const ${choices.below(9)} i32.lt_s i32.eqz br_if 1 ${round} br 0 end end`;
    }
    case 10:
      return `loop ${body()} end`;
    case 11:
      return `${expression(scope)} if ${body()} else ${body()} end`;
    case 12:
      return `${expression(scope)} if ${body()} end`;
    default:
      // Rare, or nothing would ever come to its end.
      if (choices.below(3) > 0) return "call $host";
      return choices.below(4) === 0 ? "unreachable" : `${expression(scope)} return`;
  }
}

function statements(scope: Scope): string {
  const count = scope.choices.isSpent ? 0 : 1 + scope.choices.below(scope.depth === 0 ? 7 : 4);
  return Array.from({ length: count }, () => statement(scope)).join("\n");
}

/** A module with `run(i32) -> i32`, from `bytes` of choices. */
export function programOf(bytes: readonly number[]): string {
  const choices = new Choices(bytes);
  const functions = Array.from({ length: FUNCTIONS }, (_, index) => {
    const callees = Array.from({ length: FUNCTIONS - 1 - index }, (_each, at) => index + 1 + at);
    // The last ones are called through the table, too.
    const scope: Scope = { choices, labels: [1], depth: 0, callees };
    return `(func $f${index} (type $t) (local i32 i32 i32) ${statements(scope)} ${expression(scope)})`;
  });
  return `(module
    (type $t (func (param i32) (result i32)))
    (import "env" "register_js_sdk_root_merge" (func $host))
    (memory (export "memory") 1 2) (global (export "value") (mut i32) (i32.const 0))
    (table 2 2 funcref) (elem (i32.const 0) $f2 $f3)
    ${functions.join("\n")}
    (func (export "run") (param $sum i32) (result i32) (local $i i32)
      (loop $again
        (local.set $sum (i32.add (local.get $sum) (call $f0 (local.get $i))))
        (br_if $again (i32.lt_s (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 4))))
      (local.get $sum)))`;
}
