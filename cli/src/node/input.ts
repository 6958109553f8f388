/** What commands read from their options, from files and from standard input. */
import { openAsBlob } from "node:fs";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { text as readAll } from "node:stream/consumers";
import { InvalidArgumentError } from "commander";
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import { text, type Options, type Runtime } from "../session.ts";

/** `--name '{"a":1}'`, `--name @file.json`, or `--name -` for standard input. */
export async function jsonOption(options: Options, name: string, otherwise: unknown): Promise<unknown> {
  const given = text(options, name);
  return given === undefined ? otherwise : readJson(given, name);
}

export async function readJson(given: string, field: string): Promise<unknown> {
  const source = await sourceOf(given, field);
  try {
    return JSON.parse(source);
  } catch (cause) {
    throw new ShoalError("malformed_json", `expected JSON: ${messageOf(cause)}`, { field, cause });
  }
}

/** What was given, or what stands in `@file` or on standard input (`-`). */
export async function sourceOf(given: string, field: string): Promise<string> {
  if (given === "-") return readStdin();
  if (!given.startsWith("@")) return given;
  return readFile(given.slice(1), "utf8").catch((cause: unknown) => {
    throw new ShoalError("invalid_argument", `${given.slice(1)} cannot be read: ${messageOf(cause)}`, { field, cause });
  });
}

/** A file as content that can be sent, and sent again, without being read into memory. */
export async function fileContent(path: string, field: string): Promise<Blob> {
  try {
    return await openAsBlob(path);
  } catch (cause) {
    throw new ShoalError("invalid_argument", `${path} cannot be read`, { field, cause });
  }
}

/** Those of `names` (field to option) that were given. */
export function optional<Field extends string>(
  options: Options,
  names: Readonly<Record<Field, string>>,
): Partial<Record<Field, string>> {
  const given: Partial<Record<Field, string>> = {};
  for (const [field, option] of Object.entries(names) as [Field, string][]) {
    const value = text(options, option);
    if (value !== undefined) given[field] = value;
  }
  return given;
}

/** For commander: a whole number of at least `least`. */
export function wholeNumber(least: number): (given: string) => number {
  return (given) => {
    const value = /^\d{1,15}$/.test(given) ? Number(given) : -1;
    if (value < least) throw new InvalidArgumentError(`Expected a whole number of at least ${least}.`);
    return value;
  };
}

/** For commander: seconds out of `90s`, `30m`, `12h` or `7d`. */
export function duration(given: string): number {
  const [, count = "", unit = ""] = /^(\d{1,9})([smhd])$/.exec(given) ?? [];
  const seconds = { s: 1, m: 60, h: 3600, d: 86_400 }[unit];
  if (seconds === undefined) throw new InvalidArgumentError("Expected a duration such as 90s, 30m, 12h or 7d.");
  return Number(count) * seconds;
}

/** From standard input, from SHOAL_NODE_PASSWORD, or asked for: never from an argument, which others can see. */
export async function passwordOf(runtime: Runtime, options: Options): Promise<string> {
  if (options["passwordStdin"] === true) return withoutLineEnd(await readStdin());
  const given = runtime.env["SHOAL_NODE_PASSWORD"];
  if (given !== undefined && given !== "") return given;
  if (!process.stdin.isTTY) {
    throw new ShoalError("invalid_argument", "no terminal to ask for the password: add --password-stdin", {
      field: "password",
    });
  }
  runtime.streams.stderr("password: ");
  // What is typed is read through a terminal whose echo goes nowhere.
  const nowhere = new Writable({ write: (_, __, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  try {
    return await terminal.question("", { signal: runtime.signal });
  } catch (thrown) {
    if (runtime.signal.aborted) throw new ShoalError("cancelled", "no password was given", { cause: thrown });
    throw thrown;
  } finally {
    terminal.close();
    runtime.streams.stderr("\n");
  }
}

export const readStdin = (): Promise<string> => readAll(process.stdin);

/** A file or a pipe ends with a line end that is no part of a password. */
export const withoutLineEnd = (given: string): string => given.replace(/\r?\n$/, "");
