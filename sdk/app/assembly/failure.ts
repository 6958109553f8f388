/**
 * How a call ends early. `fail` hands the caller an error and ends the call: nothing of it is kept. A fault of the program
 * itself (an index out of range, a null that was sworn to be none) panics, with its place in the source.
 *
 * WebAssembly as AssemblyScript writes it cannot unwind. So `failed` is set last of all, and the build puts a return behind
 * every instruction that sets it and behind every call that may have (`src/build/wasm/unwind.ts`): whatever the depth, the
 * next thing that happens after `fail` is the end of the method.
 */
import { panic_utf8, value_return } from "./host/core";
import { fillDescriptor, valueBuffer } from "./host/buffer";
import { Writer } from "./json/writer";

/** Exported under this name for the build alone, which removes the export. */
export let failed: i32 = 0;

const RETURN = memory.data(24, 8);
const LOCATION = memory.data(24, 8);
const ERR: u64 = 1;
const OK: u64 = 0;

/** Ends the call with an error for its caller: `{"code", "message"}`. `code` is what callers branch on. */
export function fail(message: string, code: string = "failed"): void {
  failWith(code, message, "");
}

/** As `fail`, naming the part of the input that is at fault. */
export function failWith(code: string, message: string, field: string): void {
  const w = new Writer(96);
  w.raw('{"code":');
  w.string(code);
  w.raw(',"message":');
  w.string(message);
  if (field.length > 0) {
    w.raw(',"field":');
    w.string(field);
  }
  w.raw("}");
  giveBack(ERR, w.start, w.length);
  failed = 1;
}

/** The method's result: JSON bytes. */
export function giveResult(address: usize, length: i32): void {
  giveBack(OK, address, length);
}

function giveBack(tag: u64, address: usize, length: i32): void {
  store<u64>(RETURN, tag);
  fillDescriptor(RETURN + 8, address, length);
  value_return(RETURN);
}

/** Ends the call as a fault of the program; `file` may be empty. */
export function panic(message: string, file: string = "", line: u32 = 0, column: u32 = 0): void {
  const text = String.UTF8.encode(message);
  const place = String.UTF8.encode(file);
  fillDescriptor(LOCATION, changetype<usize>(place), place.byteLength);
  store<u32>(LOCATION, line, 16);
  store<u32>(LOCATION, column, 20);
  panic_utf8(valueBuffer(changetype<usize>(text), text.byteLength), LOCATION);
  unreachable();
}

/**
 * What `throw` and failed assertions compile to. `throw new Error(message)` in an app's own files is `fail(message)`; the
 * standard library's are faults.
 */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  const text = message === null ? "aborted" : message;
  const place = file === null ? "" : file;
  if (place.startsWith("~lib/")) panic(text, place, line, column);
  else fail(text);
}
