/**
 * Executes the operators of a module one by one and counts each, which is what gas means; slow, and only for what `programs.ts`
 * makes. The meters of the instrumented module are compared with this.
 */
import { Body, decodeBody, NO_TYPE } from "@shoal/node/runtime/module/body.ts";
import { OP } from "@shoal/node/runtime/module/opcodes.ts";
import { Reader } from "@shoal/node/runtime/module/reader.ts";
import { readSections, type Sections } from "@shoal/node/runtime/module/sections.ts";
import type { FunctionType } from "@shoal/node/runtime/module/types.ts";

export interface Execution {
  readonly end: "done" | "trap" | "exhausted";
  readonly gas: bigint;
  /** Gas used when each host call was made, that call included. */
  readonly hostCalls: readonly bigint[];
  readonly results: readonly number[];
  readonly globals: readonly number[];
}

class Trap extends Error {}
class Exhausted extends Error {}

interface Code {
  readonly type: FunctionType;
  readonly body: Body;
  /** Of each block, loop and if: its end, and its else if it has one. */
  readonly ends: Map<number, number>;
  readonly elses: Map<number, number>;
}

interface Label {
  readonly isLoop: boolean;
  readonly arity: number;
  readonly height: number;
  /** Where a jump to it goes on. */
  readonly target: number;
}

const PAGE = 65_536;

export class Interpreter {
  readonly #bytes: Uint8Array;
  readonly #sections: Sections;
  readonly #code: readonly Code[];
  readonly #memory: DataView;
  readonly #globals: number[];
  readonly #table: (number | undefined)[] = [];
  readonly #hostCalls: bigint[] = [];
  readonly #maxPages: number;
  #pages: number;
  #gas = 0n;
  #limit = 0n;

  constructor(bytes: Uint8Array, maxPages: number) {
    this.#bytes = bytes;
    this.#sections = readSections(bytes);
    this.#code = this.#sections.bodies.map((_, index) => this.#decode(index));
    this.#memory = new DataView(new ArrayBuffer(maxPages * PAGE));
    this.#maxPages = maxPages;
    this.#pages = this.#sections.memories[0]?.limits.minimum ?? 0;
    this.#globals = this.#sections.globals.map(({ value }) => (value.i32 ?? 0) | 0);
    for (const { at, functions } of this.#sections.elements)
      for (const [index, value] of functions.entries()) this.#table[(at?.i32 ?? 0) + index] = value;
  }

  run(name: string, args: readonly number[], limit: bigint): Execution {
    this.#limit = limit;
    const index = this.#sections.exports.find((found) => found.name === name)?.index ?? -1;
    const stack = [...args];
    const answer = (end: Execution["end"]): Execution => ({
      end,
      gas: this.#gas,
      hostCalls: this.#hostCalls,
      results: stack,
      globals: this.#globals,
    });
    try {
      this.#call(index, stack);
      return answer("done");
    } catch (thrown) {
      if (thrown instanceof Trap) return answer("trap");
      if (thrown instanceof Exhausted) return answer("exhausted");
      throw thrown;
    }
  }

  #decode(index: number): Code {
    const { types, functions, bodies } = this.#sections;
    const type = types[functions[index] ?? -1] ?? { params: [], results: [] };
    const body = new Body();
    const { start, end } = bodies[index] ?? { start: 0, end: 0 };
    decodeBody(new Reader(this.#bytes, start, end), type.params, body);
    const ends = new Map<number, number>();
    const elses = new Map<number, number>();
    const open: number[] = [-1];
    for (let op = 0; op < body.count; op++) {
      const code: number = body.code[op] ?? 0;
      if (code === OP.block || code === OP.loop || code === OP.if) open.push(op);
      else if (code === OP.else) elses.set(open.at(-1) ?? -1, op);
      else if (code === OP.end) ends.set(open.pop() ?? -1, op);
    }
    return { type, body, ends, elses };
  }

  #pay(points: number): void {
    this.#gas += BigInt(points);
    if (this.#gas > this.#limit) throw new Exhausted();
  }

  #call(index: number, stack: number[]): void {
    const { imports, types } = this.#sections;
    const imported = imports[index];
    if (imported !== undefined) {
      const { params, results } = types[imported.type] ?? { params: [], results: [] };
      stack.length -= params.length;
      this.#hostCalls.push(this.#gas);
      for (const _ of results) stack.push(1);
      return;
    }
    const code = this.#code[index - imports.length];
    if (code === undefined) throw new Trap("no function");
    const args = code.type.params.length === 0 ? [] : stack.splice(-code.type.params.length);
    const locals = code.body.locals.map((_, at) => args[at] ?? 0);
    stack.push(...this.#execute(code, locals));
  }

  #execute(code: Code, locals: number[]): number[] {
    const { body, ends, elses, type } = code;
    const stack: number[] = [];
    const labels: Label[] = [{ isLoop: false, arity: type.results.length, height: 0, target: body.count }];
    const pop = (): number => stack.pop() ?? 0;
    const jump = (depth: number): number => {
      const label = labels[labels.length - 1 - depth];
      if (label === undefined) throw new Error("no such label");
      const values = label.arity === 0 ? [] : stack.splice(-label.arity);
      stack.length = label.height;
      stack.push(...values);
      labels.length -= label.isLoop ? depth : depth + 1;
      return label.target;
    };
    for (let op = 0; op < body.count;) {
      this.#pay(1);
      const first = body.argument(op);
      const opcode: number = body.code[op] ?? 0;
      switch (opcode) {
        case OP.block:
        case OP.loop:
        case OP.if: {
          const condition = opcode === OP.if ? pop() : 1;
          const end = ends.get(op) ?? 0;
          const isLoop = opcode === OP.loop;
          const arity = first === NO_TYPE || isLoop ? 0 : 1;
          const other = elses.get(op);
          if (condition === 0 && other === undefined) op = end + 1;
          else {
            labels.push({ isLoop, arity, height: stack.length, target: isLoop ? op + 1 : end + 1 });
            op = condition === 0 && other !== undefined ? other + 1 : op + 1;
          }
          continue;
        }
        case OP.else: {
          // Passed from the first branch: on behind the end, which is not passed.
          op = labels.pop()?.target ?? 0;
          continue;
        }
        case OP.end:
          labels.pop();
          op++;
          continue;
        case OP.br:
          op = jump(first);
          continue;
        case OP.br_if:
          op = pop() === 0 ? op + 1 : jump(first);
          continue;
        case OP.br_table: {
          const count = body.second[op] ?? 0;
          op = jump(body.targets[first + Math.min(pop() >>> 0, count - 1)] ?? 0);
          continue;
        }
        case OP.return:
          return type.results.length === 0 ? [] : stack.splice(-type.results.length);
        case OP.call:
          this.#call(first, stack);
          break;
        case OP.call_indirect: {
          const index = this.#table[pop() >>> 0];
          if (index === undefined) throw new Trap("no element");
          this.#call(index, stack);
          break;
        }
        case OP.local_get:
          stack.push(locals[first] ?? 0);
          break;
        case OP.local_set:
          locals[first] = pop();
          break;
        case OP.local_tee:
          locals[first] = stack.at(-1) ?? 0;
          break;
        case OP.global_get:
          stack.push(this.#globals[first] ?? 0);
          break;
        case OP.global_set:
          this.#globals[first] = pop();
          break;
        default:
          this.#plain(opcode, body.offset[op] ?? 0, stack);
      }
      op++;
    }
    return stack;
  }

  #plain(code: number, offset: number, stack: number[]): void {
    const pop = (): number => stack.pop() ?? 0;
    switch (code) {
      case OP.unreachable:
        throw new Trap("unreachable");
      case OP.nop:
        return;
      case OP.drop:
        pop();
        return;
      case OP.select: {
        const [condition, other, value] = [pop(), pop(), pop()];
        stack.push(condition === 0 ? other : value);
        return;
      }
      case OP.i32_const:
        stack.push(new Reader(this.#bytes, offset + 1).signed(32));
        return;
      case 0x28: {
        const at = pop() >>> 0;
        if (at + 4 > this.#pages * PAGE) throw new Trap("out of bounds");
        stack.push(this.#memory.getInt32(at, true));
        return;
      }
      case 0x36: {
        const [value, at] = [pop(), pop() >>> 0];
        if (at + 4 > this.#pages * PAGE) throw new Trap("out of bounds");
        this.#memory.setInt32(at, value, true);
        return;
      }
      case 0x45:
        stack.push(pop() === 0 ? 1 : 0);
        return;
      case 0x48: {
        const [right, left] = [pop(), pop()];
        stack.push(left < right ? 1 : 0);
        return;
      }
      case 0x6a:
        stack.push((pop() + pop()) | 0);
        return;
      case 0x6d: {
        const [right, left] = [pop(), pop()];
        if (right === 0 || (right === -1 && left === -0x8000_0000)) throw new Trap("division");
        stack.push((left / right) | 0);
        return;
      }
      case 0x71:
        stack.push(pop() & pop());
        return;
      case 0x72:
        stack.push(pop() | pop());
        return;
      case OP.memory_fill: {
        const [length, value, at] = [pop() >>> 0, pop(), pop() >>> 0];
        this.#pay(length >>> 4);
        if (at + length > this.#pages * PAGE) throw new Trap("out of bounds");
        new Uint8Array(this.#memory.buffer, at, length).fill(value);
        return;
      }
      case OP.memory_grow: {
        const more = pop() >>> 0;
        const isPossible = this.#pages + more <= this.#maxPages;
        if (isPossible) this.#pay(more * 4096);
        stack.push(isPossible ? this.#pages : -1);
        if (isPossible) this.#pages += more;
        return;
      }
      default:
        throw new Error(`the interpreter does not know the operator 0x${code.toString(16)}`);
    }
  }
}
