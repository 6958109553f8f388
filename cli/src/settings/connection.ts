/**
 * Which control plane, and as whom. The parts come from flags, environment, profiles and `local.json`, in this order; a
 * token is used only with the address that it was given with, so that `--url` cannot send one place's token to another.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { findLocal, type Local } from "./local.ts";
import { DEFAULT_PROFILE, profilesPath, readProfiles } from "./profiles.ts";

export interface ConnectionFlags {
  readonly url?: string;
  readonly token?: string;
  readonly profile?: string;
}

export interface Connection {
  readonly url: string;
  readonly token: string | undefined;
  /** Where address and token were found, for people. */
  readonly source: string;
  readonly isLocal: boolean;
  readonly amqpUrl: string | undefined;
  readonly issuer: string | undefined;
}

export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}

interface Found {
  readonly url: string;
  readonly token: string | undefined;
  readonly source: string;
  readonly local?: Local;
}

/** Throws `invalid_argument` where there is nothing to connect to, or the profile does not exist. */
export async function findConnection(flags: ConnectionFlags, { env, cwd }: Surroundings): Promise<Connection> {
  const found = await findBase(flags, env, cwd);
  const given = flags.url ?? textOf(env["SHOAL_URL"]);
  const url = given ?? found?.url;
  if (url === undefined) throw new ShoalError("invalid_argument", "no control plane is known here", { field: "url" });
  const base = found !== undefined && isSameAddress(found.url, url) ? found : undefined;
  const token = flags.token ?? textOf(env["SHOAL_TOKEN"]) ?? base?.token;
  return {
    url,
    token,
    source: base?.source ?? (flags.url === undefined ? "SHOAL_URL" : "--url"),
    isLocal: base?.local !== undefined,
    amqpUrl: base?.local?.amqpUrl,
    issuer: textOf(env["SHOAL_ISSUER"]) ?? base?.local?.issuer,
  };
}

async function findBase(flags: ConnectionFlags, env: NodeJS.ProcessEnv, cwd: string): Promise<Found | undefined> {
  const name = flags.profile ?? textOf(env["SHOAL_PROFILE"]);
  const path = profilesPath(env);
  if (name === undefined) {
    const local = await findLocal(cwd);
    if (local !== undefined) return { url: local.apiUrl, token: local.token, source: local.path, local };
  }
  const profiles = await readProfiles(path);
  const profile = Object.hasOwn(profiles, name ?? DEFAULT_PROFILE) ? profiles[name ?? DEFAULT_PROFILE] : undefined;
  if (profile !== undefined) return { ...profile, source: `profile ${name ?? DEFAULT_PROFILE}` };
  // A profile that is about to be made by `login --url` may be named before it exists.
  if (name !== undefined && flags.url === undefined)
    throw new ShoalError("invalid_argument", `there is no profile ${name} in ${path}`, { field: "profile" });
  return undefined;
}

export function isSameAddress(a: string, b: string): boolean {
  const plain = (url: string): string => (URL.canParse(url) ? new URL(url).href : url).replace(/\/+$/, "");
  return plain(a) === plain(b);
}

function textOf(value: string | undefined): string | undefined {
  return value === undefined || value === "" ? undefined : value;
}
