/**
 * Rows that no root covers, tombstones and the latest stamp seen, could lie about time: one that is later than everything the boundary
 * stands for would win against every later write, or leave no stamp for one.
 */
import { BorshReader } from "../../model/borsh.ts";
import { decodeEntity } from "../../storage/merkle/entity-row.ts";
import { CLOCK_KEY, readHostKey, ROW } from "../../storage/merkle/row-keys.ts";
import type { StateRow } from "../replica.ts";

/** Whether a row of the host layout is dated after `untilNs`, or cannot be read. */
export function isLate({ key, value }: StateRow, untilNs: bigint): boolean {
  try {
    if (Buffer.compare(key, CLOCK_KEY) === 0) return new BorshReader(value).u64() > untilNs;
    const named = readHostKey(key);
    if (named?.row !== ROW.collection && named?.row !== ROW.entry) return false;
    return decodeEntity(named.id, value).write.updatedAt > untilNs;
  } catch {
    return true;
  }
}
