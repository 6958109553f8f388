/**
 * `config key=value`: edits of the text, so that comments and order stay. Where a line-wise edit would not give exactly the
 * table that is meant, the file is written anew from the table. Nothing is written that `parseConfig` refuses.
 */
import { isDeepStrictEqual } from "node:util";
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { stringify } from "smol-toml";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { parseConfig, type Env } from "./config.ts";
import { isTable, parseToml, valueAt, type Table } from "./toml.ts";
import { replaceFile } from "./write-file.ts";

interface Edit {
  readonly keys: readonly string[];
  /** As TOML writes it, and what that is. */
  readonly text: string;
  readonly value: unknown;
}

/**
 * Applies `key=value` edits to the file, in order, and returns its new text. Throws `invalid_argument` for an edit that is
 * none, or for what the file would be then; the file is as it was in every such case.
 */
export async function editConfig(path: string, edits: readonly string[], env: Env = {}): Promise<string> {
  const before = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new ShoalError("not_found", "there is no config.toml: run init first", { cause });
  });
  const after = edits.map(parseEdit).reduce(applied, before);
  parseConfig(after, { directory: dirname(path), env });
  if (after !== before) await replaceFile(path, after);
  return after;
}

/** The file's values as JSON or TOML: all, or those at the given keys. Secrets are not shown. */
export function showConfig(text: string, keys: readonly string[], format: "toml" | "json"): string {
  const table = hidden(parseToml(text), []);
  const chosen = keys.length === 0 ? table : {};
  for (const key of keys) {
    const value = valueAt(table, key.split("."));
    if (value === undefined) throw new ShoalError("not_found", "the file does not set it", { field: key });
    put(chosen, key.split("."), value);
  }
  return format === "json" ? `${JSON.stringify(chosen, undefined, 2)}\n` : stringify(chosen);
}

const SECRETS = [
  "identity.keypair",
  "identity.group.secret_key",
  "server.embedded_auth.development.mock_auth_header_value",
];

function hidden(table: Table, path: readonly string[]): Table {
  const entries = Object.entries(table).map(([key, value]) => {
    const here = [...path, key];
    if (SECRETS.includes(here.join("."))) return [key, "[secret]"] as const;
    return [key, isTable(value) ? hidden(value, here) : value] as const;
  });
  return Object.fromEntries(entries);
}

function parseEdit(edit: string): Edit {
  const [, key = "", raw = ""] = /^([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)=(.*)$/s.exec(edit) ?? [];
  if (key === "")
    throw new ShoalError("invalid_argument", "expected key=value, with a dotted key", {
      field: edit.split("=")[0] ?? "",
    });
  const keys = key.split(".");
  const text = valueText(raw.trim());
  try {
    const { value } = parseToml(`value = ${text}\n`) as { value?: unknown };
    if (value !== undefined && !/[\r\n]/.test(text)) return { keys, text, value };
  } catch {
    // Falls through to the one refusal.
  }
  throw new ShoalError("invalid_argument", "the value is no TOML", { field: key });
}

/** A word that is no TOML stands for itself: `server.auth_mode=embedded`. */
function valueText(raw: string): string {
  return /^[A-Za-z/][A-Za-z0-9_./:@-]*$/.test(raw) && raw !== "true" && raw !== "false" ? JSON.stringify(raw) : raw;
}

function applied(text: string, edit: Edit): string {
  const wanted = structuredClone(parseToml(text));
  put(wanted, edit.keys, edit.value);
  const edited = byLine(text, edit);
  try {
    if (edited !== undefined && isSame(parseToml(edited), wanted)) return edited;
  } catch {
    // The line was not what it looked like.
  }
  return stringify(wanted);
}

/** The parser's tables have no prototype, ours may: copies have the same. */
function isSame(a: Table, b: Table): boolean {
  return isDeepStrictEqual(structuredClone(a), structuredClone(b));
}

/** Replaces the key's line within its section, or adds one at the section's end, or adds the section. */
function byLine(text: string, { keys, text: value }: Edit): string | undefined {
  const lines = text.split("\n");
  const section = keys.slice(0, -1).join(".");
  const key = keys.at(-1) ?? "";
  const headers = lines.flatMap((line, at) => {
    const name = /^\s*\[([^[\]]+)\]\s*(#.*)?$/.exec(line)?.[1];
    return name === undefined ? [] : [{ at, name: name.replaceAll(/\s/g, "") }];
  });
  const header = headers.find(({ name }) => name === section);
  if (header === undefined && section !== "")
    return [text.trimEnd(), "", `[${section}]`, `${key} = ${value}`, ""].join("\n");
  const from = header === undefined ? 0 : header.at + 1;
  const to = headers.find(({ at }) => at >= from)?.at ?? lines.length;
  const at = lines.findIndex((line, index) => index >= from && index < to && new RegExp(`^\\s*${key}\\s*=`).test(line));
  if (at < 0) {
    let last = to;
    while (last > from && lines[last - 1]?.trim() === "") last -= 1;
    return [...lines.slice(0, last), `${key} = ${value}`, ...lines.slice(last)].join("\n");
  }
  const through = endOfValue(lines, at);
  return [...lines.slice(0, at), `${key} = ${value}`, ...lines.slice(through + 1)].join("\n");
}

/** The line on which the value that begins on line `at` ends: the first that makes it whole. */
function endOfValue(lines: readonly string[], at: number): number {
  for (let end = at; end < lines.length; end += 1) {
    try {
      parseToml(`${lines.slice(at, end + 1).join("\n")}\n`);
      return end;
    } catch {
      // A list that goes on.
    }
  }
  return at;
}

function put(table: Table, keys: readonly string[], value: unknown): void {
  let parent = table;
  for (const key of keys.slice(0, -1)) {
    const next = Object.hasOwn(parent, key) ? parent[key] : undefined;
    if (isTable(next)) parent = next;
    else {
      const made: Table = {};
      define(parent, key, made);
      parent = made;
    }
  }
  define(parent, keys.at(-1) ?? "", value);
}

/** `__proto__` is a key like any other here. */
function define(table: Table, key: string, value: unknown): void {
  Object.defineProperty(table, key, { value, enumerable: true, configurable: true, writable: true });
}
