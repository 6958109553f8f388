/** The WebAssembly core specification's own tests; see `corpus/README.md`. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { ModuleError } from "@shoal/node/runtime/module/error.ts";
import { instrument } from "@shoal/node/runtime/module/instrument.ts";
import { readMeters, runStart, setMeters } from "@shoal/node/runtime/module/meters.ts";
import { scanBodies } from "@shoal/node/runtime/module/scan.ts";
import { readSections } from "@shoal/node/runtime/module/sections.ts";
import { prepare } from "./fixtures.ts";

function linesOf(file: string): string[] {
  return gunzipSync(readFileSync(new URL(`corpus/${file}`, import.meta.url)))
    .toString("utf8")
    .trim()
    .split("\n");
}

function bytesOf(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, "base64"));
}

/** Reasons that are no verdict on the module, but on what would have been one of a valid module as well. */
const POLICY = /not supported|only functions can be imported/u;

describe("the core specification's refused modules", () => {
  it("are all refused: as malformed or invalid, or for the unsupported proposal or import that they use", () => {
    const wrong: string[] = [];
    let verdicts = 0;
    const lines = linesOf("refused.txt.gz");
    for (const line of lines) {
      const [name = "", , base64 = "", ...expected] = line.split(" ");
      try {
        prepare(bytesOf(base64));
        wrong.push(`${name} was accepted: ${expected.join(" ")}`);
      } catch (thrown) {
        if (!(thrown instanceof ModuleError)) wrong.push(`${name}: ${String(thrown)}`);
        else if (thrown.kind === "CompilationError") verdicts++;
        else if (!POLICY.test(thrown.message)) wrong.push(`${name} (${expected.join(" ")}): ${thrown.message}`);
        if (thrown instanceof ModuleError && thrown.message.length < 8) wrong.push(`${name}: no reason is given`);
      }
    }
    expect(wrong).toEqual([]);
    expect(lines).toHaveLength(2275);
    expect(verdicts).toBeGreaterThan(2100);
  });
});

type Call = (...args: unknown[]) => unknown;

const EXTERNS = Array.from({ length: 256 }, (_, index) => ({ index }));
const floats = new DataView(new ArrayBuffer(8));

function argumentOf(text: string): unknown {
  const [type = "", value = ""] = text.split(":");
  if (type === "i32") return Number(value);
  if (type === "i64") return BigInt(value);
  if (type === "null") return null;
  if (type === "extern") return EXTERNS[Number(value)];
  floats.setBigUint64(0, type === "f32" ? BigInt(value) << 32n : BigInt(value));
  return type === "f32" ? floats.getFloat32(0) : floats.getFloat64(0);
}

/** An instance that writes the calls of its imports to `calls`; undefined where making it, or its start function, traps. */
function instantiated(bytes: Uint8Array, calls: unknown[], isMetered: boolean): WebAssembly.Instance | undefined {
  const module = new WebAssembly.Module(bytes);
  const imports: Record<string, Record<string, Call>> = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    (imports[from] ??= {})[name] = (...args) => {
      calls.push(args);
      return name.includes("i64") ? 0n : 0;
    };
  }
  try {
    const instance = new WebAssembly.Instance(module, imports);
    if (isMetered) {
      setMeters(instance, BUDGET);
      runStart(instance);
    }
    return instance;
  } catch {
    return undefined;
  }
}

const BUDGET = { gas: 1n << 60n, stackBytes: 200 * 1024 };
const OVERFLOW = "stack overflow";

/** What a call comes to, traps included. Functions are told apart by nothing: the metered module has others. */
function outcomeOf(instance: WebAssembly.Instance, calls: unknown[], name: string, args: readonly unknown[]): unknown {
  calls.length = 0;
  const call = instance.exports[name] as Call;
  try {
    const result = call(...args);
    return { result: typeof result === "function" ? "a function" : result, calls: [...calls] };
  } catch (thrown) {
    return thrown instanceof RangeError ? OVERFLOW : String(thrown);
  }
}

describe("the core specification's valid modules", () => {
  it("do the same metered as they are: results, traps and calls of imports", () => {
    let pair: { readonly plain: WebAssembly.Instance; readonly metered: WebAssembly.Instance } | undefined;
    const count = { modules: 0, calls: 0, refused: 0 };
    const imported: unknown[] = [];
    for (const line of linesOf("accepted.txt.gz")) {
      const [kind, first = "", second = ""] = line.split(" ");
      if (kind === "M") {
        const bytes = bytesOf(first);
        const metered = meteredOf(bytes);
        if (metered === undefined) count.refused++;
        else count.modules++;
        const instances = metered && [instantiated(bytes, imported, false), instantiated(metered, imported, true)];
        expect(instances?.[0] === undefined).toBe(instances?.[1] === undefined);
        pair = instances?.[0] && instances[1] && { plain: instances[0], metered: instances[1] };
        continue;
      }
      const name = Buffer.from(first, "hex").toString("utf8");
      if (pair === undefined || typeof pair.plain.exports[name] !== "function") continue;
      const args = second === "" ? [] : second.split(",").map(argumentOf);
      setMeters(pair.metered, BUDGET);
      const plain = outcomeOf(pair.plain, imported, name, args);
      const metered = outcomeOf(pair.metered, imported, name, args);
      count.calls++;
      if (plain === OVERFLOW) expect(readMeters(pair.metered).exhausted).toBe("stack");
      else if (!isSame(metered, plain))
        expect({ name, args, outcome: metered }).toEqual({ name, args, outcome: plain });
    }
    expect(count.modules).toBeGreaterThan(1000);
    expect(count.calls).toBeGreaterThan(23_000);
    expect(count.refused).toBeLessThan(120);
  });
});

/** `toEqual` for each of many thousands would take most of the time. */
function isSame(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return Object.is(a, b);
  const [left, right] = [Object.values(a), Object.values(b)];
  return left.length === right.length && left.every((value, at) => isSame(value, right[at]));
}

/** Undefined for a module that imports anything but functions, or that defines more than one memory. */
function meteredOf(bytes: Uint8Array): Uint8Array | undefined {
  try {
    const sections = readSections(bytes);
    return instrument(bytes, sections, scanBodies(bytes, sections), 1024);
  } catch (thrown) {
    if (thrown instanceof ModuleError && (thrown.kind === "ModuleValidationError" || bytes.length === 0))
      return undefined;
    throw thrown;
  }
}
