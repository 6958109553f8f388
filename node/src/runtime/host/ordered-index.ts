/**
 * The ordered index of sorted collections: this node's own, derived from the state, never synced. Ranges are [lo, hi) over
 * raw keys, and an empty `hi` is no bound. Rows come back as count u32, then per row its key and its value, each after a u32
 * of its length.
 */
import type { RunState } from "../run/run-state.ts";
import type { HostFunctions } from "./host-functions.ts";
import { readBytesKey, readValue } from "./keys.ts";

type Entries = readonly (readonly [key: Uint8Array, value: Uint8Array])[];

export const indexFunctions = {
  storage_index_set(run: RunState, key: bigint, value: bigint): number {
    const [name, content] = [readBytesKey(run, key), readValue(run, value)];
    run.unflushed.spend(name.length + content.length);
    run.index.set(name, content);
    return 1;
  },

  storage_index_remove(run: RunState, key: bigint): number {
    const name = readBytesKey(run, key);
    run.unflushed.spend(name.length);
    run.index.remove(name);
    return 1;
  },

  storage_index_remove_prefix(run: RunState, prefix: bigint): number {
    const name = readBytesKey(run, prefix);
    run.unflushed.spend(name.length);
    run.index.removePrefix(name);
    return 1;
  },

  /** `limit` is one more than the rows that are wanted; 0: as many as a scan may answer. */
  storage_index_scan(run: RunState, lo: bigint, hi: bigint, offset: bigint, limit: bigint, register: bigint): number {
    const [from, to] = [readBytesKey(run, lo), readBytesKey(run, hi)];
    const max = run.limits.maxIndexScanRows;
    const wanted = limit === 0n ? max : Math.min(max, Number(BigInt.asUintN(64, limit) - 1n));
    const skip = Number(BigInt.asUintN(64, offset));
    run.registers.set(register, encode(run.index.scan(from, to, skip, wanted)));
    return 1;
  },

  /** The last row of the range, in the form of a scan of none or one. */
  storage_index_last(run: RunState, lo: bigint, hi: bigint, register: bigint): number {
    const found = run.index.last(readBytesKey(run, lo), readBytesKey(run, hi));
    run.registers.set(register, encode(found === undefined ? [] : [found]));
    return 1;
  },

  storage_index_meta_set(run: RunState, key: bigint, value: bigint): number {
    const [name, content] = [readBytesKey(run, key), readValue(run, value)];
    run.unflushed.spend(name.length + content.length);
    run.index.metaSet(name, content);
    return 1;
  },

  storage_index_meta_get(run: RunState, key: bigint, register: bigint): number {
    const value = run.index.metaGet(readBytesKey(run, key));
    if (value === undefined) return 0;
    run.registers.set(register, value);
    return 1;
  },

  storage_index_meta_clear(run: RunState, key: bigint): number {
    const name = readBytesKey(run, key);
    run.unflushed.spend(name.length);
    run.index.metaClear(name);
    return 1;
  },
} satisfies HostFunctions;

function encode(entries: Entries): Uint8Array {
  const size = entries.reduce((sum, [key, value]) => sum + 8 + key.length + value.length, 4);
  const bytes = Buffer.allocUnsafeSlow(size);
  let at = bytes.writeUInt32LE(entries.length);
  for (const part of entries.flat()) {
    at = bytes.writeUInt32LE(part.length, at);
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
