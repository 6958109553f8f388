/**
 * Which deltas the state of a context holds: one small row each, with or without the delta's body, written in the batch that
 * applies the delta. The value is the delta's time, which is all that judging what builds upon it needs.
 */
import { keyOf, u64Key } from "../storage/keys.ts";
import type { Reader, Row } from "../storage/store.ts";
import type { IdItem } from "../sync/protocols/contract.ts";

const ID = 32;

/** `time`: the u64 of the delta's stamp. */
export function knownRow(context: Uint8Array, { id, time }: IdItem): Row {
  return { column: "known", key: keyOf(context, id), value: u64Key(time) };
}

/** When the delta was made; undefined where the state does not hold it. */
export function timeOf(store: Pick<Reader, "get">, context: Uint8Array, id: Uint8Array): bigint | undefined {
  const value = store.get("known", keyOf(context, id));
  return value === undefined ? undefined : readTime(value);
}

/** A row of this column as it stands in the store; the id is a view of the key. */
export const readKnown = (key: Uint8Array, value: Uint8Array): IdItem => ({
  id: key.subarray(ID),
  time: readTime(value),
});

const readTime = (value: Uint8Array): bigint =>
  new DataView(value.buffer, value.byteOffset, value.byteLength).getBigUint64(0);
