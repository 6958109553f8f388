/** TOML as values, with errors that say where and never what: the file has secrets in it. */
import { parse, TomlError, type TomlTable } from "smol-toml";
import { ShoalError } from "@shoal/shared/base/errors.ts";

export type Table = TomlTable;

/** Throws `invalid_argument` with line and column where the text is no TOML. */
export function parseToml(text: string): Table {
  try {
    return parse(text);
  } catch (thrown) {
    if (!(thrown instanceof TomlError)) throw thrown;
    const [reason = ""] = thrown.message.split("\n");
    const what = reason.replace(/^Invalid TOML document: /, "");
    throw new ShoalError("invalid_argument", `line ${thrown.line}, column ${thrown.column}: ${what}`, {
      field: "config.toml",
    });
  }
}

export function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** The value at a dotted path. */
export function valueAt(table: Table, keys: readonly string[]): unknown {
  let found: unknown = table;
  for (const key of keys) {
    if (!isTable(found) || !Object.hasOwn(found, key)) return undefined;
    found = found[key];
  }
  return found;
}
