/** Small JSON files that hold credentials: mode 600, replaced as a whole. */
import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import type { z } from "zod";
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";

/** A file of ours in the user's configuration folder. */
export function configPath(env: NodeJS.ProcessEnv, name: string): string {
  const base = env["XDG_CONFIG_HOME"];
  return join(base === undefined || base === "" ? join(homedir(), ".config") : base, "shoal", name);
}

/** undefined where the file does not exist; throws `invalid_argument` for one that is not as the schema says. */
export async function readPrivate<Schema extends z.ZodType>(
  schema: Schema,
  path: string,
): Promise<z.output<Schema> | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT") return undefined;
    throw new ShoalError("invalid_argument", `${path} cannot be read: ${messageOf(thrown)}`, { cause: thrown });
  }
  return parseFile(schema, text, path);
}

export async function writePrivate(path: string, value: unknown): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const next = `${path}.${randomUUID()}`;
  await writeFile(next, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600, flag: "wx" });
  await rename(next, path);
}

/** JSON text as the schema reads it; throws `invalid_argument` with the file and the field. */
export function parseFile<Schema extends z.ZodType>(schema: Schema, text: string, path: string): z.output<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    throw new ShoalError("invalid_argument", `${path} is not JSON: ${messageOf(thrown)}`, { cause: thrown });
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = issue?.path.map(String).join(".") ?? "";
  throw new ShoalError("invalid_argument", `${path}: ${field}: ${issue?.message ?? "is not valid"}`, { field });
}
