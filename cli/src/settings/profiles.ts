/** Profiles: control planes that somebody signed in to, in one file of mode 600 that is replaced as a whole. */
import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { z } from "zod";
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";

const profileSchema = z.strictObject({ url: z.string(), token: z.string() });
const fileSchema = z.strictObject({ profiles: z.record(z.string(), profileSchema) });
export type Profile = z.output<typeof profileSchema>;

export const DEFAULT_PROFILE = "default";

export function profilesPath(env: NodeJS.ProcessEnv): string {
  const base = env["XDG_CONFIG_HOME"];
  return join(base === undefined || base === "" ? join(homedir(), ".config") : base, "shoal", "config.json");
}

/** Empty where nobody signed in yet; throws `invalid_argument` for a file that is not ours. */
export async function readProfiles(path: string): Promise<Record<string, Profile>> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT") return {};
    throw new ShoalError("invalid_argument", `${path} cannot be read: ${messageOf(thrown)}`, { cause: thrown });
  }
  return parseFile(fileSchema, text, path).profiles;
}

/** Sets or, without a profile, removes the one of this name. */
export async function saveProfile(path: string, name: string, profile: Profile | undefined): Promise<void> {
  const { [name]: _, ...others } = await readProfiles(path);
  const profiles = profile === undefined ? others : { ...others, [name]: profile };
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const next = `${path}.${randomUUID()}`;
  await writeFile(next, `${JSON.stringify({ profiles }, null, 2)}\n`, { mode: 0o600, flag: "wx" });
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
