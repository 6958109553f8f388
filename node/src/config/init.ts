/**
 * `init`: a node's directory with its config.toml, its key pairs and, in its store, its first administrator. config.toml is
 * written last: it is what makes the directory a node, so an init that failed can simply be done again.
 */
import { lstat, mkdir, rm, chmod } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { createAuth } from "../auth/auth.ts";
import { checkCredentials } from "../auth/key-rules.ts";
import type { Credentials } from "../auth/settings.ts";
import type { PublicKey } from "../model/ids.ts";
import { openStore } from "../storage/open.ts";
import { CONFIG_FILE, parseConfig, type Env, type NodeConfig } from "./config.ts";
import { makeIdentity } from "./identity.ts";
import { newConfig, type InitOptions } from "./new-config.ts";
import { replaceFile } from "./write-file.ts";

export interface InitInput {
  /** Where nodes are, e.g. `homeOf(env)`; absolute. */
  readonly home: string;
  readonly name: string;
  readonly options: InitOptions;
  /** For `MERO_AUTH_ADMIN_USER` and `MERO_AUTH_ADMIN_PASSWORD`, which stand in for `options.administrator`. */
  readonly env: Env;
  readonly clock: Clock;
  /** Has to be unguessable: the node's keys come from it. */
  readonly random: Random;
}

export interface Initialised {
  readonly directory: string;
  readonly configPath: string;
  readonly peerId: string;
  readonly account: PublicKey;
  /** User name of the administrator that was made. */
  readonly administrator: string | undefined;
  readonly warnings: readonly string[];
}

/**
 * Throws `already_exists` where there is a node and `options.force` is not given; `invalid_argument` naming the option for
 * anything that makes no usable node, before anything on disk changes.
 */
export async function initNode({ home, name, options, env, clock, random }: InitInput): Promise<Initialised> {
  const directory = nodeDirectory(home, name);
  const configPath = join(directory, CONFIG_FILE);
  const text = newConfig(options, { identity: makeIdentity(random), account: makeIdentity(random) });
  const config = parseConfig(text, { directory, env });
  const administrator = administratorOf(options, config);
  if (administrator !== undefined) checkCredentials(administrator, config.auth);

  await makeRoom(directory, options.force === true);
  if (administrator !== undefined) await makeAdministrator({ config, administrator, clock, random });
  await replaceFile(configPath, text);
  return {
    directory,
    configPath,
    peerId: config.peerId,
    account: config.account.publicKey,
    administrator: administrator?.username,
    warnings: config.warnings,
  };
}

/** The directory of the node of that name; throws `invalid_argument` for what is no name of one. */
export function nodeDirectory(home: string, name: string): string {
  if (!isAbsolute(home)) throw new ShoalError("invalid_argument", "expected an absolute path", { field: "home" });
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/.test(name))
    throw new ShoalError(
      "invalid_argument",
      "a node's name has 1 to 64 letters, digits, dots, hyphens and underscores",
      {
        field: "node",
      },
    );
  return join(home, name);
}

function administratorOf(options: InitOptions, config: NodeConfig): Credentials | undefined {
  const given = options.administrator ?? config.auth.firstAdministrator;
  const refuse = (message: string): never => {
    throw new ShoalError("invalid_argument", message, { field: "admin-user" });
  };
  if (options.noAdministrator === true) {
    return options.administrator === undefined ? undefined : refuse("and no-admin cannot both be given");
  }
  if (config.authStorage.type === "memory") {
    if (options.administrator === undefined) return undefined;
    return refuse("auth in memory keeps nobody: give MERO_AUTH_ADMIN_USER and MERO_AUTH_ADMIN_PASSWORD at each start");
  }
  if (given === undefined && config.auth.mode === "embedded")
    return refuse("nobody could sign in: give an administrator and a password, or no-admin to do so later");
  return given;
}

/** An empty directory of the owner's, in place of what is there. */
async function makeRoom(directory: string, force: boolean): Promise<void> {
  const isNode = await lstat(join(directory, CONFIG_FILE)).then(
    () => true,
    () => false,
  );
  if (isNode && !force)
    throw new ShoalError(
      "already_exists",
      `there is a node in ${directory}; force replaces it, with all that it holds`,
    );
  if (isNode) {
    const found = await lstat(directory);
    if (!found.isDirectory()) throw new ShoalError("conflict", `${directory} is a link, so it is not removed`);
    await rm(directory, { recursive: true });
  }
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await chmod(directory, 0o700);
}

async function makeAdministrator(init: {
  readonly config: NodeConfig;
  readonly administrator: Credentials;
  readonly clock: Clock;
  readonly random: Random;
}): Promise<void> {
  const { config, administrator, clock, random } = init;
  const { authStorage } = config;
  const path = authStorage.type === "persistent" ? authStorage.path : undefined;
  const store = await openStore({ path: path ?? config.datastorePath, log: silentLog });
  try {
    const settings = { ...config.auth, firstAdministrator: administrator };
    await createAuth({ store, clock, random, log: silentLog, settings, version: "init" });
  } finally {
    await store.close();
  }
}
