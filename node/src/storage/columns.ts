/** Columns on disk: the column's position is the first byte of each key, and a range of a column never leaves it. */
import { successorOf } from "./keys.ts";
import { COLUMNS, type Column, type Range } from "./store.ts";

const BYTE_OF = new Map<Column, number>(COLUMNS.map((column, at) => [column, at]));

export function storedKey(column: Column, key: Uint8Array): Uint8Array {
  const stored = new Uint8Array(key.length + 1);
  stored[0] = BYTE_OF.get(column) ?? 0xff;
  stored.set(key, 1);
  return stored;
}

/** LevelDB's options for `range` within `column`. */
export function storedRange(
  column: Column,
  { gte, lt, reverse, limit }: Range,
): { gte: Uint8Array; lt: Uint8Array; reverse: boolean; limit: number } {
  const prefix = storedKey(column, new Uint8Array());
  return {
    gte: gte === undefined ? prefix : storedKey(column, gte),
    lt: lt === undefined ? (successorOf(prefix) ?? prefix) : storedKey(column, lt),
    reverse: reverse ?? false,
    limit: limit ?? -1,
  };
}
