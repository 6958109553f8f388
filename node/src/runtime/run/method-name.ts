/** Whether a name may be that of a method at all, before any module is looked at. */
import type { RunFailure } from "../contract.ts";

/** undefined where it may; `max` in bytes. */
export function refuseMethodName(name: string, max: number): RunFailure | undefined {
  if (name === "") return refused("EmptyMethodName", "method name is empty");
  const length = Buffer.byteLength(name);
  if (length > max) {
    return refused("MethodNameTooLong", `method name too long: ${length} bytes (max: ${max})`);
  }
  const position = name.search(/[^A-Za-z0-9_]/);
  if (position < 0) return undefined;
  const character = JSON.stringify(name.charAt(position));
  return refused(
    "InvalidMethodNameCharacter",
    `method name contains invalid character at position ${position}: ${character}`,
  );
}

export function methodNotFound(name: string): RunFailure {
  return refused("MethodNotFound", `method ${JSON.stringify(name)} not found`);
}

export function invalidSignature(name: string): RunFailure {
  const expected = "expected no arguments and no return value";
  return refused("InvalidSignature", `method ${JSON.stringify(name)} has invalid signature: ${expected}`);
}

function refused(detail: string, message: string): RunFailure {
  return { kind: "MethodResolutionError", detail, message };
}
