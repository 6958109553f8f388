/**
 * Where a function pays for its operators, and how much. One point per operator executed, as if each were counted by itself,
 * but paid in advance for all operators that are executed exactly as often: a run of them, and also what follows a block that
 * nothing leaves but through its end, belongs to what came before it; where a way forks, what both ways cost is paid before.
 * Between a payment and the operators that it pays for there is no call that may reach the host, so that whoever looks at the
 * meter sees what counting one by one would show:
 *
 * - at the end of a run, and while a host function runs: exactly the operators executed so far;
 * - a run that would not be able to pay traps before the first operator that is not paid for.
 *
 * What one operator is: everything that is passed on the way, so also `block`, `loop`, `else` where the first branch ends,
 * and `end` where it is not jumped over. A jump to a loop does not pass its `loop` again.
 */
import type { Body } from "./body.ts";
import { OP } from "./opcodes.ts";
import type { Reach } from "./reach.ts";

export const DEAD = 1;
export const DEAD_END = 2;

export interface Charges {
  /** Points to pay before each operator. */
  readonly before: Uint32Array;
  /** `DEAD` for operators that can never be executed, `DEAD_END` for the end of a live block that is never passed. */
  readonly dead: Uint8Array;
}

/** A stretch of operators that is paid at once. */
interface Payment {
  /** Operator before which it is paid. */
  readonly at: number;
  points: number;
  /** Payments that pay for this one as well: exactly one of them is made each time that this one would be. */
  by: readonly Payment[] | undefined;
}

/** After `before`, exactly one of the two others is made, at once. */
interface Fork {
  /** The operator that decides. */
  readonly op: number;
  readonly before: Payment;
  readonly one: Payment;
  readonly other: Payment;
}

interface Frame {
  readonly code: number;
  /** What was open when the block began. */
  readonly entry: Payment;
  /** Of a loop: the payment at its head. */
  readonly head: Payment | undefined;
  /**
   * Blocks from this depth on are left other than through their end, or have the host reached in them; this block itself, if
   * it is as deep. Noted here for all of them at once, and passed on to the block around when this one ends.
   */
  leftFrom: number;
  /** Where it begins. */
  readonly op: number;
  /** Of an `if`: the payment of its first branch. */
  readonly arm: Payment | undefined;
  /** Of a block: how many branches jump to its end, and the last of those that go on where they do not. */
  jumps: number;
  exit: Omit<Fork, "other"> | undefined;
  /** Of a loop: payments that end in a jump back to its head, and whether some jump back is conditional. */
  readonly backs: Payment[];
  hasConditionalBack: boolean;
  /** Of an `if` with an `else`: what was open at the end of its first branch; `dead` if that was not reached. */
  first: Payment | "dead" | undefined;
}

class Walk {
  readonly #body: Body;
  readonly #reach: Reach;
  readonly #payments: Payment[] = [];
  readonly #frames: Frame[] = [];
  readonly #forks: Fork[] = [];
  readonly dead: Uint8Array;
  /** Undefined where nothing is ever executed. */
  #open: Payment | undefined;
  #deadDepth = 0;

  constructor(body: Body, reach: Reach) {
    this.#body = body;
    this.#reach = reach;
    this.dead = new Uint8Array(body.count);
    this.#open = this.#begin(0);
    this.#enter(OP.block, -1, this.#open);
  }

  walk(): Charges {
    for (let op = 0; op < this.#body.count; op++) {
      const open = this.#open;
      if (open === undefined) this.#skip(op);
      else this.#step(op, open);
    }
    this.#joinForks();
    const before = new Uint32Array(this.#body.count + 1);
    for (const { at, points } of this.#payments) before[at] = (before[at] ?? 0) + points;
    return { before, dead: this.dead };
  }

  #begin(at: number): Payment {
    const payment: Payment = { at, points: 0, by: undefined };
    this.#payments.push(payment);
    return payment;
  }

  /** `begun` is the payment at a loop's head, or of the first branch of an `if`. */
  #enter(code: number, op: number, entry: Payment, begun?: Payment): void {
    this.#frames.push({
      code,
      op,
      entry,
      head: code === OP.loop ? begun : undefined,
      arm: code === OP.if ? begun : undefined,
      leftFrom: Infinity,
      jumps: 0,
      exit: undefined,
      backs: [],
      hasConditionalBack: false,
      first: undefined,
    });
  }

  #skip(op: number): void {
    const code = this.#body.code[op];
    if (code === OP.block || code === OP.loop || code === OP.if) this.#deadDepth++;
    if (this.#deadDepth > 0) {
      if (code === OP.end) this.#deadDepth--;
      this.dead[op] = DEAD;
    } else if (code === OP.else) this.#otherwise(op, undefined);
    else if (code === OP.end) this.#leave(op, undefined);
    else this.dead[op] = DEAD;
  }

  #step(op: number, open: Payment): void {
    open.points++;
    const code: number = this.#body.code[op] ?? OP.nop;
    switch (code) {
      case OP.block:
        return this.#enter(OP.block, op, open);
      case OP.loop:
      case OP.if:
        this.#open = this.#begin(op + 1);
        return this.#enter(code, op, open, this.#open);
      case OP.else:
        return this.#otherwise(op, open);
      case OP.end:
        return this.#leave(op, open);
      case OP.br:
        this.#branch(this.#body.argument(op), open, false);
        this.#open = undefined;
        return;
      case OP.br_if: {
        const target = this.#branch(this.#body.argument(op), open, true);
        this.#open = this.#begin(op + 1);
        if (target !== undefined) target.exit = { op, before: open, one: this.#open };
        return;
      }
      case OP.br_table:
        this.#branches(op, open);
        this.#open = undefined;
        return;
      case OP.return:
        this.#leaveAll(0);
        this.#open = undefined;
        return;
      case OP.unreachable:
        this.#open = undefined;
        return;
      case OP.call:
        if (this.#reach.direct(this.#body.argument(op))) this.#meetHost(op);
        return;
      case OP.call_indirect:
        if (this.#reach.indirect(this.#body.argument(op))) this.#meetHost(op);
        return;
      default:
    }
  }

  #meetHost(op: number): void {
    this.#leaveAll(0);
    this.#open = this.#begin(op + 1);
  }

  /** Marks all blocks from the depth `from` on as left. */
  #leaveAll(from: number): void {
    const innermost = this.#frames.at(-1);
    if (innermost !== undefined) innermost.leftFrom = Math.min(innermost.leftFrom, from);
  }

  #branch(label: number, open: Payment, isConditional: boolean): Frame | undefined {
    const index = this.#frames.length - 1 - label;
    const target = this.#frames[index];
    if (target === undefined) return undefined;
    this.#leaveAll(index + 1);
    if (target.code !== OP.loop) target.jumps++;
    else if (isConditional) target.hasConditionalBack = true;
    else target.backs.push(open);
    return target;
  }

  #branches(op: number, open: Payment): void {
    const from = this.#body.argument(op);
    const count = this.#body.second[op] ?? 0;
    for (const label of new Set(this.#body.targets.slice(from, from + count))) this.#branch(label, open, true);
  }

  #otherwise(op: number, open: Payment | undefined): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined) return;
    frame.first = open ?? "dead";
    this.#open = this.#begin(op + 1);
    this.#fork(frame.op, frame.entry, frame.arm, this.#open);
  }

  #leave(op: number, open: Payment | undefined): void {
    const frame = this.#frames.pop();
    if (frame === undefined) return;
    const isLeft = frame.leftFrom <= this.#frames.length;
    this.#leaveAll(frame.leftFrom);
    if (frame.head === undefined) this.#open = this.#afterBlock(op, frame, isLeft, open);
    else this.#open = this.#afterLoop(frame, frame.head, isLeft, open);
    if (this.#open === undefined) this.dead[op] = DEAD_END;
  }

  #afterBlock(op: number, frame: Frame, isLeft: boolean, open: Payment | undefined): Payment | undefined {
    const hasOneArm = frame.code === OP.if && frame.first === undefined;
    const first = frame.first === "dead" ? undefined : frame.first;
    const isTarget = frame.jumps > 0;
    const isReached = hasOneArm || isTarget || open !== undefined || first !== undefined;
    if (!isReached) return undefined;
    if (!isLeft) return frame.entry;
    if (!hasOneArm && !isTarget) {
      // Only one way leads here: go on with what it pays.
      if (first === undefined) return open;
      if (open === undefined) return first;
    }
    const after = this.#begin(op + 1);
    if (open !== undefined || frame.jumps > 1 || first !== undefined) return after;
    // One way leads here alone: past the one branch of an `if`, or by a `br_if`.
    if (hasOneArm && !isTarget) this.#fork(frame.op, frame.entry, frame.arm, after);
    else if (!hasOneArm && frame.exit !== undefined) this.#forks.push({ ...frame.exit, other: after });
    return after;
  }

  #fork(op: number, before: Payment, one: Payment | undefined, other: Payment): void {
    if (one !== undefined) this.#forks.push({ op, before, one, other });
  }

  /** What both ways of a fork pay is paid before it; so the cheaper way pays nothing. The last fork comes first. */
  #joinForks(): void {
    for (const { before, one, other } of this.#forks.toSorted((a, b) => b.op - a.op)) {
      const common = Math.min(one.points, other.points);
      one.points -= common;
      other.points -= common;
      pay(before, common);
    }
  }

  /** A loop ends in one way only: its last operator is passed. */
  #afterLoop(frame: Frame, head: Payment, isLeft: boolean, open: Payment | undefined): Payment | undefined {
    const isRepeated = frame.backs.length > 0 || frame.hasConditionalBack;
    if (!isRepeated) {
      // The body is executed once for each time that the loop is entered.
      move(head, frame.entry);
      return open === head ? frame.entry : open;
    }
    if (!frame.hasConditionalBack && !frame.backs.some((back) => sourceOf(back) === head)) {
      // Every way to the head is one that surely goes there: each pays for the head, and the head itself for nothing.
      move(head, frame.entry, ...frame.backs);
    }
    if (open === undefined || isLeft || open === head) return open;
    // What is open at the end is passed once each time that the loop is entered, as what was open before it.
    move(open, frame.entry);
    return frame.entry;
  }
}

/** Has `to` pay for `from`, now and for what is added to it. */
function move(from: Payment, ...to: readonly Payment[]): void {
  from.by = to;
  const { points } = from;
  from.points = 0;
  pay(from, points);
}

function pay(payment: Payment, points: number): void {
  if (payment.by === undefined) payment.points += points;
  else for (const by of payment.by) pay(by, points);
}

/** The payment that pays for this one, if it is a single one. */
function sourceOf(payment: Payment): Payment {
  let source = payment;
  for (;;) {
    const [by, second] = source.by ?? [];
    if (by === undefined || second !== undefined) return source;
    source = by;
  }
}

export function chargesOf(body: Body, reach: Reach): Charges {
  return new Walk(body, reach).walk();
}
