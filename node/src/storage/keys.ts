/** Keys within a column: parts one after another, and the ranges that share a prefix. */
import type { Range } from "./store.ts";

/** `parts` one after another; ids have a fixed length, so that no separator is needed. */
export function keyOf(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const key = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    key.set(part, at);
    at += part.length;
  }
  return key;
}

/** The least key after all keys that begin with `prefix`; undefined where there is none (a prefix of 0xff only). */
export function successorOf(prefix: Uint8Array): Uint8Array | undefined {
  let end = prefix.length;
  while (end > 0 && prefix[end - 1] === 0xff) end -= 1;
  if (end === 0) return undefined;
  const successor = prefix.slice(0, end);
  successor[end - 1] = (successor[end - 1] ?? 0) + 1;
  return successor;
}

/** All keys that begin with `prefix`. */
export function prefixRange(prefix: Uint8Array): Range {
  const lt = successorOf(prefix);
  return lt === undefined ? { gte: prefix } : { gte: prefix, lt };
}

/** Big-endian, so that numbers sort as numbers. */
export function u64Key(value: bigint): Uint8Array {
  const key = new Uint8Array(8);
  new DataView(key.buffer).setBigUint64(0, value);
  return key;
}

/** Text as it is in a key; where more follows, the caller ends it with a zero byte that the text may not hold. */
export function textKey(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
