/** Profiles: control planes that somebody signed in to, in one private file. */
import { z } from "zod";
import { configPath, readPrivate, writePrivate } from "./private-file.ts";

const profileSchema = z.strictObject({ url: z.string(), token: z.string() });
const fileSchema = z.strictObject({ profiles: z.record(z.string(), profileSchema) });
export type Profile = z.output<typeof profileSchema>;

export const DEFAULT_PROFILE = "default";

export const profilesPath = (env: NodeJS.ProcessEnv): string => configPath(env, "config.json");

/** Empty where nobody signed in yet; throws `invalid_argument` for a file that is not ours. */
export async function readProfiles(path: string): Promise<Record<string, Profile>> {
  return (await readPrivate(fileSchema, path))?.profiles ?? {};
}

/** Sets or, without a profile, removes the one of this name. */
export async function saveProfile(path: string, name: string, profile: Profile | undefined): Promise<void> {
  const { [name]: _, ...others } = await readProfiles(path);
  await writePrivate(path, { profiles: profile === undefined ? others : { ...others, [name]: profile } });
}
