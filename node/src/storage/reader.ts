/** Reads of one LevelDB handle: of the latest state, or of a snapshot. */
import type { ClassicLevel } from "classic-level";
import { storedKey, storedRange } from "./columns.ts";
import { storeError } from "./errors.ts";
import type { Column, Range, Snapshot } from "./store.ts";
import { plain, type ValueCodec } from "./values.ts";

export type Database = ClassicLevel<Uint8Array, Uint8Array>;
type DatabaseSnapshot = ReturnType<Database["snapshot"]>;

/** Rows and bytes that one step of a scan takes from LevelDB. */
const SCAN_STEP_ROWS = 256;
const SCAN_STEP_BYTES = 256 * 1024;

export function read(
  db: Database,
  values: ValueCodec,
  column: Column,
  key: Uint8Array,
  snapshot?: DatabaseSnapshot,
): Uint8Array | undefined {
  const stored = storedKey(column, key);
  let found;
  try {
    found = snapshot === undefined ? db.getSync(stored) : db.getSync(stored, { snapshot });
  } catch (cause) {
    throw storeError("cannot read the store", cause);
  }
  return found === undefined ? undefined : values.open(stored, found);
}

export async function* scan(
  db: Database,
  values: ValueCodec,
  column: Column,
  range: Range,
  snapshot?: DatabaseSnapshot,
): AsyncGenerator<readonly [key: Uint8Array, value: Uint8Array]> {
  const options = { ...storedRange(column, range), highWaterMarkBytes: SCAN_STEP_BYTES };
  try {
    await using iterator = db.iterator(snapshot === undefined ? options : { ...options, snapshot });
    for (;;) {
      const rows = await iterator.nextv(SCAN_STEP_ROWS);
      if (rows.length === 0) return;
      for (const [key, stored] of rows) yield [plain(key.subarray(1)), values.open(key, stored)];
    }
  } catch (cause) {
    throw storeError("cannot read the store", cause);
  }
}

export function snapshotOf(db: Database, values: ValueCodec): Snapshot {
  const snapshot = db.snapshot();
  return {
    get: (column, key) => read(db, values, column, key, snapshot),
    scan: (column, range = {}) => scan(db, values, column, range, snapshot),
    [Symbol.dispose]: () => {
      // What remains is to release memory; nobody has anything to do with how it went.
      void snapshot.close();
    },
  };
}
