/**
 * The row that says what a store is: its format and whether its values are encrypted, with a check of the key. It is the one
 * row that is always plain, and is read before anything else.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { z } from "zod";
import { storedKey } from "./columns.ts";
import { storeError } from "./errors.ts";
import { textKey } from "./keys.ts";
import type { Database } from "./reader.ts";
import { checkedValues, encryptedValues, type ValueCodec } from "./values.ts";

/** Raised whenever rows change their form; `MIGRATIONS` then says how rows of the version before become those of this one. */
export const STORE_FORMAT = 1;

/** From format n to n + 1: each runs once, and what it changes is on disk before the new format is. */
const MIGRATIONS: Readonly<Record<number, (db: Database, values: ValueCodec) => Promise<void>>> = {};

const FORMAT_KEY = storedKey("config", textKey("format"));
const CHECK_TEXT = textKey("shoal store");

const Format = z.strictObject({
  format: z.int().positive(),
  /** `CHECK_TEXT` under the store's key, base64; absent where values are plain. */
  keyCheck: z.base64().optional(),
});
type Format = z.infer<typeof Format>;

/** What lies open, and the storage key where one is configured. */
interface FormatOptions {
  readonly db: Database;
  readonly path: string;
  readonly key: Uint8Array | undefined;
}

/**
 * How values of this store are read and written. A new store gets its row here; an older one is migrated. Throws
 * `precondition_failed` for a store of a newer version, one that another key or no key encrypted, and a plain one where a
 * key is given.
 */
export async function openFormat({ db, path, key }: FormatOptions): Promise<ValueCodec> {
  const values = key === undefined ? checkedValues : encryptedValues(key);
  const found = readFormat(db, path);
  if (found === undefined) {
    if (await holdsRows(db)) {
      throw new ShoalError("internal", `the store at ${path} is damaged: it has rows but does not say in which format`);
    }
    await writeFormat(db, { format: STORE_FORMAT, ...keyCheckOf(values, key) });
    return values;
  }
  requireReadable(found, path, values, key);
  for (let format = found.format; format < STORE_FORMAT; format++) {
    await MIGRATIONS[format]?.(db, values);
    await writeFormat(db, { ...found, format: format + 1 });
  }
  return values;
}

/** The same for who only reads: throws `precondition_failed` where there is no store yet. */
export function readOnlyFormat({ db, path, key }: FormatOptions): ValueCodec {
  const values = key === undefined ? checkedValues : encryptedValues(key);
  const found = readFormat(db, path);
  if (found?.format !== STORE_FORMAT) {
    throw new ShoalError("precondition_failed", `there is no store of format ${STORE_FORMAT} at ${path}`);
  }
  requireReadable(found, path, values, key);
  return values;
}

function requireReadable(found: Format, path: string, values: ValueCodec, key: Uint8Array | undefined): void {
  const refuse = (why: string): never => {
    throw new ShoalError("precondition_failed", `the store at ${path} ${why}`);
  };
  if (found.format > STORE_FORMAT) {
    refuse(`has format ${found.format}, made by a newer version; this one reads formats up to ${STORE_FORMAT}`);
  }
  if (found.keyCheck === undefined) {
    if (key !== undefined) refuse("is not encrypted, but a storage key is configured");
    return;
  }
  if (key === undefined) refuse("is encrypted, and no storage key is configured");
  try {
    values.open(FORMAT_KEY, Buffer.from(found.keyCheck, "base64"));
  } catch {
    refuse("was encrypted with another storage key");
  }
}

function keyCheckOf(values: ValueCodec, key: Uint8Array | undefined): Pick<Format, "keyCheck"> {
  if (key === undefined) return {};
  return { keyCheck: Buffer.from(values.seal(FORMAT_KEY, CHECK_TEXT)).toString("base64") };
}

function readFormat(db: Database, path: string): Format | undefined {
  const stored = db.getSync(FORMAT_KEY);
  if (stored === undefined) return undefined;
  try {
    return Format.parse(JSON.parse(new TextDecoder().decode(checkedValues.open(FORMAT_KEY, stored))));
  } catch (cause) {
    throw new ShoalError("internal", `the store at ${path} is damaged: its format cannot be read`, { cause });
  }
}

async function writeFormat(db: Database, format: Format): Promise<void> {
  try {
    await db.put(FORMAT_KEY, checkedValues.seal(FORMAT_KEY, textKey(JSON.stringify(format))), { sync: true });
  } catch (cause) {
    throw storeError("cannot write the store", cause);
  }
}

async function holdsRows(db: Database): Promise<boolean> {
  const rows = await db.keys({ limit: 1 }).all();
  return rows.length > 0;
}
