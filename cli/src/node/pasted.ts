/** What one node writes and a person carries to another: one line of text that survives being pasted, or the JSON in it. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Output } from "../output.ts";
import { sourceOf } from "./input.ts";

/** Characters of one; more is none. */
const MOST = 64 * 1024;

export interface Pasted<T> {
  /** Before the text: what it is, and which form. */
  readonly mark: string;
  /** What it is called in errors, and the command that writes it. */
  readonly field: string;
  readonly writer: string;
  /** The value itself, or where it stands in a node's whole answer; undefined for anything else. */
  readonly read: (value: unknown) => T | undefined;
}

export const textOf = ({ mark }: Pick<Pasted<unknown>, "mark">, value: unknown): string =>
  mark + Buffer.from(JSON.stringify(value)).toString("base64url");

/** For people one line each, for programs JSON. Quiet or not, the same: it is for a file, or for another command. */
export function tell(output: Output, kind: Pick<Pasted<unknown>, "mark">, values: readonly unknown[]): void {
  if (output.format === "json") output.line(JSON.stringify(values.length === 1 ? values[0] : values, null, 2));
  else for (const value of values) output.line(textOf(kind, value));
}

/** From what was given itself, from `@file`, or from standard input (`-`). */
export async function pasted<T>({ mark, field, writer, read }: Pasted<T>, given: string): Promise<T> {
  const refuse = (why: string, cause?: unknown): ShoalError =>
    new ShoalError("invalid_argument", why, { field, cause });
  const source = (await sourceOf(given, field)).trim();
  if (source.length > MOST) throw refuse(`expected at most ${MOST} characters`);
  const json = source.startsWith(mark) ? Buffer.from(source.slice(mark.length), "base64url").toString("utf8") : source;
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw refuse(`expected what \`${writer}\` writes: a line that begins with ${mark}, or JSON`, cause);
  }
  const found = read(value);
  if (found === undefined) throw refuse(`expected what \`${writer}\` writes`);
  return found;
}
