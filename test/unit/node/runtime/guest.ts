/**
 * Guests for tests: a script is a list of host calls, compiled into a module whose method makes them one after another and
 * returns, for each, its result and what register 1 held afterwards. What the calls point to is laid out in the module's data.
 */
import { IMPORTS } from "@shoal/node/runtime/abi.ts";
import { prepareModule } from "@shoal/node/runtime/module/prepare.ts";
import { DEFAULT_LIMITS } from "@shoal/node/runtime/limits.ts";
import { wat } from "../../../support/wat.ts";

export type Argument = number | bigint | Data;

/** Address of something in the guest's memory. */
export interface Data {
  readonly address: number;
}

export type Step = readonly [name: string, ...args: Argument[]];

export interface Told {
  /** What the call returned; 0 for a call that returns nothing. */
  readonly result: bigint;
  /** Register 1 afterwards. */
  readonly register: Uint8Array | undefined;
}

export type Content = string | Uint8Array;

/** Where the log of results begins: 1 MiB, after anything that scripts lay out. */
const LOG = 0x10_0000;
const PAGES = 128;
const encoder = new TextEncoder();
const bytesOfContent = (content: Content): Uint8Array =>
  typeof content === "string" ? encoder.encode(content) : content;

/** Lays out bytes and descriptors. */
export class Layout {
  readonly #bytes: number[] = [];
  #end = 1024;

  raw(bytes: Uint8Array): number {
    // Every piece on a border of 8, as compilers do.
    const at = this.#end;
    this.#bytes.push(...bytes);
    const padding = (8 - (bytes.length % 8)) % 8;
    for (let n = 0; n < padding; n++) this.#bytes.push(0);
    this.#end += bytes.length + padding;
    return at;
  }

  /** A `Buffer` of `content`. */
  buffer(content: Content): Data {
    const bytes = bytesOfContent(content);
    return this.words(this.raw(bytes), bytes.length);
  }

  /** A `BufferMut` of `length` bytes. */
  room(length: number): Data {
    return this.buffer(new Uint8Array(length));
  }

  /** u64 fields, as they are: also for descriptors that lie. */
  words(...words: readonly (number | bigint)[]): Data {
    const bytes = Buffer.alloc(words.length * 8);
    for (const [n, word] of words.entries()) bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(word)), n * 8);
    return { address: this.raw(bytes) };
  }

  event(kind: Content, data: Content): Data {
    return this.words(...this.#pair(kind), ...this.#pair(data));
  }

  xcall(context: Uint8Array, method: Content, params: Content): Data {
    return this.words(...this.#pair(context), ...this.#pair(method), ...this.#pair(params));
  }

  result(tag: number, content: Content): Data {
    return this.words(tag, ...this.#pair(content));
  }

  location(file: Content, line: number, column: number): Data {
    return this.words(...this.#pair(file), BigInt(line) | (BigInt(column) << 32n));
  }

  data(): string {
    return this.#bytes.map((byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("");
  }

  #pair(content: Content): [number, number] {
    const bytes = bytesOfContent(content);
    return [this.raw(bytes), bytes.length];
  }
}

/** A prepared module out of text. */
export async function prepared(text: string): Promise<Uint8Array> {
  return prepareModule(await wat(text), {
    maxModuleBytes: DEFAULT_LIMITS.maxModuleBytes,
    maxMemoryPages: DEFAULT_LIMITS.maxMemoryPages,
  }).bytes;
}

/** A prepared module with the methods `body` under their names; imports are declared where a body calls them. */
export function guest(
  methods: Readonly<Record<string, string>>,
  layout = new Layout(),
  pages = PAGES,
): Promise<Uint8Array> {
  return prepared(guestText(methods, layout, pages));
}

export function guestText(methods: Readonly<Record<string, string>>, layout = new Layout(), pages = PAGES): string {
  const bodies = Object.entries(methods).map(([name, body]) => `(func (export "${name}") ${body})`);
  const called = new Set([...bodies.join("\n").matchAll(/call \$([a-z0-9_]+)/g)].map(([, name]) => name ?? ""));
  const imports = [...called, ...HELPERS_CALL].filter((name, at, all) => name in IMPORTS && all.indexOf(name) === at);
  return `(module
    ${imports.map(importText).join("\n")}
    (memory (export "memory") ${pages} 1024)
    (data (i32.const 1024) "${layout.data()}")
    (global $log (mut i32) (i32.const ${LOG}))
    ${HELPERS}
    ${bodies.join("\n")})`;
}

/** Makes the calls of `steps` and returns what they told: read it with `toldOf`. */
export function scriptBody(steps: readonly Step[], end = "(call $return_log)"): string {
  return [...steps.map(stepText), end].join("\n");
}

export function callText([name, ...args]: Step): string {
  const signature = IMPORTS[name];
  const operands = args.map((argument, at) => {
    const type = signature?.params[at] ?? "i64";
    return `(${type}.const ${typeof argument === "object" ? argument.address : argument})`;
  });
  return `(call $${name} ${operands.join(" ")})`;
}

function stepText(step: Step): string {
  const call = callText(step);
  const { result } = IMPORTS[step[0]] ?? {};
  if (result === undefined) return `${call} (call $record (i64.const 0))`;
  return `(call $record ${result === "i32" ? `(i64.extend_i32_s ${call})` : call})`;
}

function importText(name: string): string {
  const { params, result } = IMPORTS[name] ?? { params: [] };
  const types = [
    params.length > 0 ? `(param ${params.join(" ")})` : "",
    result === undefined ? "" : `(result ${result})`,
  ];
  return `(import "env" "${name}" (func $${name} ${types.join(" ")}))`;
}

/** What a script's method returned. */
export function toldOf(returned: Uint8Array): Told[] {
  const bytes = Buffer.from(returned);
  const told: Told[] = [];
  for (let at = 0; at < bytes.length;) {
    const result = bytes.readBigInt64LE(at);
    const length = bytes.readBigInt64LE(at + 8);
    const end = at + 16 + Math.max(0, Number(length));
    told.push({ result, register: length < 0n ? undefined : new Uint8Array(bytes.subarray(at + 16, end)) });
    at = end;
  }
  return told;
}

const HELPERS_CALL = ["register_len", "read_register", "value_return"];

/** `record`: the result, the length of register 1 (-1 where there is none) and its bytes. `return_log`: all of it. */
const HELPERS = `
  (func $record (param $result i64) (local $length i64)
    (i64.store (global.get $log) (local.get $result))
    (local.set $length (call $register_len (i64.const 1)))
    (i64.store (i32.add (global.get $log) (i32.const 8)) (local.get $length))
    (global.set $log (i32.add (global.get $log) (i32.const 16)))
    (if (i64.ge_s (local.get $length) (i64.const 0)) (then
      (i64.store (i32.const 0) (i64.extend_i32_u (global.get $log)))
      (i64.store (i32.const 8) (local.get $length))
      (drop (call $read_register (i64.const 1) (i64.const 0)))
      (global.set $log (i32.add (global.get $log) (i32.wrap_i64 (local.get $length)))))))
  (func $return_log
    (i64.store (i32.const 16) (i64.const 0))
    (i64.store (i32.const 24) (i64.const ${LOG}))
    (i64.store (i32.const 32) (i64.extend_i32_u (i32.sub (global.get $log) (i32.const ${LOG}))))
    (call $value_return (i64.const 16)))`;
