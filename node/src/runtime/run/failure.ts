/** From what was thrown to upstream's FunctionCallError: kind, variant and text. */
import type { RunFailure } from "../contract.ts";
import { HostTrap } from "./trap.ts";

/** V8's words for a trap, and the variant that they mean. First match wins. */
const TRAPS: readonly (readonly [words: RegExp, detail: string, message: string])[] = [
  [/^unreachable/, "Unreachable", "unreachable code reached"],
  [/memory access out of bounds|data segment|memory\.(fill|copy|init)/i, "MemoryOutOfBounds", "memory out of bounds"],
  [/divide|remainder|float unrepresentable/, "IllegalArithmetic", "illegal arithmetic operation"],
  // One message of the engine for both a null entry and a wrong type.
  [/null function or function signature mismatch/, "BadSignature", "bad signature"],
  [/table|element segment/, "TableAccessOutOfBounds", "table access out of bounds"],
  [/null/, "IndirectCallToNull", "indirect call to null"],
];

export const STACK_OVERFLOW: RunFailure = { kind: "WasmTrap", detail: "StackOverflow", message: "stack overflow" };

export function gasExhausted(limit: bigint): RunFailure {
  return { kind: "GasExhausted", message: `execution exhausted its gas limit of ${limit} points` };
}

/** What was thrown while an instance was made or a method ran. */
export function failureOf(thrown: unknown): RunFailure {
  if (thrown instanceof HostTrap) return { kind: "HostError", detail: thrown.trap, message: thrown.message };
  if (thrown instanceof WebAssembly.LinkError) return { kind: "LinkError", message: `link error: ${thrown.message}` };
  if (thrown instanceof WebAssembly.CompileError) {
    return { kind: "CompilationError", message: `compilation error: ${thrown.message}` };
  }
  if (thrown instanceof WebAssembly.RuntimeError) {
    const known = TRAPS.find(([words]) => words.test(thrown.message));
    if (known !== undefined) return { kind: "WasmTrap", detail: known[1], message: known[2] };
    return { kind: "WasmTrap", detail: "Indeterminate", message: "indeterminate trap" };
  }
  // V8's own stack limit; the counted one (see `module/`) is far below it and the same everywhere.
  if (thrown instanceof RangeError && /call stack/.test(thrown.message)) return STACK_OVERFLOW;
  const words = thrown instanceof Error ? thrown.message : String(thrown);
  return { kind: "HostError", detail: "Panic", message: `host panicked: ${words}` };
}

/** The bytes of an app's own error, listed as numbers in brackets: what upstream prints. */
export function executionError(data: Uint8Array): RunFailure {
  return {
    kind: "ExecutionError",
    message: `the method call returned an error: [${data.join(", ")}]`,
    data,
  };
}
