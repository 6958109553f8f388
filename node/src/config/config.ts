/**
 * config.toml -> what each room is told. One pure parser: text and environment in, everything typed out, or one error with
 * all that is wrong, each naming its key.
 */
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import type { z } from "zod";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { Secret } from "@shoal/shared/base/secret.ts";
import type { AuthSettings, Credentials } from "../auth/settings.ts";
import type { VmLimits } from "../runtime/limits.ts";
import type { ServerConfig } from "../server/config.ts";
import { parseKeypair, parseSeed, peerIdOf, type Identity } from "./identity.ts";
import { fileSchema, type ConfigFile } from "./sections.ts";
import { WITHOUT_EFFECT } from "./server-section.ts";
import { isCarried } from "./values.ts";
import { parseToml, valueAt, type Table } from "./toml.ts";

export const CONFIG_FILE = "config.toml";

export type Env = Readonly<Record<string, string | undefined>>;

export interface NodeConfig {
  readonly peerId: string;
  /** libp2p's key pair: who the node is to its peers. */
  readonly identity: Identity;
  /** The account in whose name the node acts: `[identity.group]`, else the same pair. */
  readonly account: Identity;
  readonly server: ServerConfig;
  readonly auth: AuthSettings;
  /** Where auth keeps what it knows; `undefined`: in the node's own store. */
  readonly authStorage:
    | { readonly type: "memory" }
    | { readonly type: "persistent"; readonly path: string | undefined };
  /** Directories, absolute. */
  readonly datastorePath: string;
  readonly blobstorePath: string;
  readonly limits: VmLimits;
  readonly gc: ConfigFile["gc"];
  readonly compaction: ConfigFile["dag_compaction"];
  readonly sync: ConfigFile["sync"];
  readonly network: Pick<ConfigFile, "swarm" | "bootstrap" | "discovery">;
  readonly specializedNode: ConfigFile["specialized_node"];
  readonly kms: NonNullable<ConfigFile["tee"]>["kms"] | undefined;
  /** What whoever runs the node should know. */
  readonly warnings: readonly string[];
}

export interface ConfigContext {
  /** The node's own directory, absolute: relative paths are taken from it. */
  readonly directory: string;
  readonly env: Env;
  /** Stands before the file's. */
  readonly authMode?: AuthSettings["mode"];
}

/** Throws `invalid_argument`, whose message has a line for each thing that is wrong. */
export function parseConfig(text: string, context: ConfigContext): NodeConfig {
  const table = parseToml(text);
  const parsed = fileSchema.safeParse(table);
  const problems = parsed.success ? [] : parsed.error.issues.flatMap(problemsOf);
  const { prefix, administrator } = fromEnvironment(context.env, problems);
  const identities = parsed.success ? identitiesOf(parsed.data.identity, problems) : undefined;
  const [first] = problems;
  if (first !== undefined || !parsed.success || identities === undefined)
    throw new ShoalError(
      "invalid_argument",
      problems.map(({ key, what }) => `${key}: ${what}`).join("\n"),
      first === undefined ? {} : { field: first.key },
    );
  const file = parsed.data;
  const mode = context.authMode ?? file.server.auth_mode;
  const absolute = (path: string): string => (isAbsolute(path) ? path : join(context.directory, path));
  const { storage } = file.server.embedded_auth;
  return {
    ...identities,
    peerId: file.identity.peer_id,
    server: serverOf(file, prefix),
    auth: authOf(file.server.embedded_auth, mode, administrator),
    authStorage:
      storage.type === "memory"
        ? { type: "memory" }
        : { type: "persistent", path: storage.path === undefined ? undefined : absolute(storage.path) },
    datastorePath: absolute(file.datastore.path),
    blobstorePath: absolute(file.blobstore.path),
    limits: file.runtime.limits,
    gc: file.gc,
    compaction: file.dag_compaction,
    sync: file.sync,
    network: { swarm: file.swarm, bootstrap: file.bootstrap, discovery: file.discovery },
    specializedNode: file.specialized_node,
    kms: file.tee?.kms,
    warnings: warningsOf(file, table, mode),
  };
}

/** The directory in which nodes are, each in its own. */
export function homeOf(env: Env): string {
  return env["CALIMERO_HOME"] || join(homedir(), ".calimero");
}

interface Problem {
  readonly key: string;
  readonly what: string;
}

function problemsOf(issue: z.core.$ZodIssue): readonly Problem[] {
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => ({ key: [...path, key].join("."), what: "there is no such key" }));
  return [{ key: path.join(".") || CONFIG_FILE, what: issue.message }];
}

function identitiesOf(
  section: ConfigFile["identity"],
  problems: Problem[],
): Pick<NodeConfig, "identity" | "account"> | undefined {
  const attempt = (make: () => Identity): Identity | undefined => {
    try {
      return make();
    } catch (thrown) {
      if (!(thrown instanceof ShoalError)) throw thrown;
      problems.push({ key: thrown.field ?? "identity", what: thrown.message });
      return undefined;
    }
  };
  const identity = attempt(() => parseKeypair(section.keypair, "identity.keypair"));
  if (identity !== undefined && peerIdOf(identity.publicKey) !== section.peer_id)
    problems.push({ key: "identity.peer_id", what: "is not that of identity.keypair" });
  const { group } = section;
  const account =
    group === undefined ? identity : attempt(() => parseSeed(group.secret_key, "identity.group.secret_key"));
  if (group !== undefined && account !== undefined && account.publicKey !== group.public_key)
    problems.push({ key: "identity.group.public_key", what: "is not that of identity.group.secret_key" });
  return identity === undefined || account === undefined ? undefined : { identity, account };
}

/** What upstream takes from the environment. */
function fromEnvironment(
  env: Env,
  problems: Problem[],
): { readonly prefix: string; readonly administrator: Credentials | undefined } {
  const prefix = (env["NODE_PATH_PREFIX"] ?? "").replace(/\/+$/, "");
  if (prefix !== "" && !/^(\/[A-Za-z0-9._~-]+)+$/.test(prefix))
    problems.push({ key: "NODE_PATH_PREFIX", what: "expected a path such as /node1" });
  const username = env["MERO_AUTH_ADMIN_USER"] ?? "";
  const password = env["MERO_AUTH_ADMIN_PASSWORD"] ?? "";
  if ((username === "") !== (password === "")) {
    const missing = username === "" ? "MERO_AUTH_ADMIN_USER" : "MERO_AUTH_ADMIN_PASSWORD";
    problems.push({ key: missing, what: "is not set although the other half is" });
  }
  return { prefix, administrator: username === "" ? undefined : { username, password: new Secret(password) } };
}

function serverOf({ server, mode }: ConfigFile, prefix: string): ServerConfig {
  const { allow_all_origins: all, allowed_origins: allowed } = server.embedded_auth.cors;
  return {
    listen: server.listen,
    prefix,
    mode,
    enabled: {
      admin: server.admin.enabled,
      jsonrpc: server.jsonrpc.enabled,
      websocket: server.websocket.enabled,
      sse: server.sse.enabled,
    },
    // Upstream's files have the list, empty, and let every origin call all the same.
    origins: all || allowed.length === 0 ? "*" : allowed,
  };
}

function authOf(
  section: ConfigFile["server"]["embedded_auth"],
  mode: AuthSettings["mode"],
  administrator: Credentials | undefined,
): AuthSettings {
  const { jwt, security, development, user_password: lengths } = section;
  const {
    enabled,
    default_src: defaultSrc,
    script_src: scriptSrc,
    style_src: styleSrc,
    connect_src: connectSrc,
  } = security.headers.csp;
  const header = development.mock_auth_require_header ? development.mock_auth_header_value : undefined;
  return {
    mode,
    issuer: jwt.issuer,
    accessTokenExpiry: jwt.access_token_expiry,
    refreshTokenExpiry: jwt.refresh_token_expiry,
    ...(jwt.node_host === undefined ? {} : { nodeHost: jwt.node_host }),
    userPassword: {
      enabled: section.providers.user_password,
      minLength: lengths.min_password_length,
      maxLength: lengths.max_password_length,
    },
    trustedProxies: section.trusted_proxies,
    maxBodyBytes: security.max_body_size,
    ...(development.enable_mock_auth ? { mock: { header } } : {}),
    csp: enabled
      ? {
          ...(defaultSrc === undefined ? {} : { defaultSrc }),
          ...(scriptSrc === undefined ? {} : { scriptSrc }),
          ...(styleSrc === undefined ? {} : { styleSrc }),
          ...(connectSrc === undefined ? {} : { connectSrc }),
        }
      : {},
    ...(administrator === undefined ? {} : { firstAdministrator: administrator }),
  };
}

function warningsOf(file: ConfigFile, table: Table, mode: AuthSettings["mode"]): readonly string[] {
  const open = file.server.listen.filter(({ host }) => !/^(127\.|::1$|localhost$)/.test(host)).map(({ host }) => host);
  return [
    ...WITHOUT_EFFECT.filter((key) => valueAt(table, key.split(".")) !== undefined).map(
      (key) => `${key} has no effect`,
    ),
    ...(mode === "proxy" && open.length > 0
      ? [`auth_mode is proxy, so whoever reaches ${open.join(", ")} may do everything: let only the proxy reach it`]
      : []),
    ...file.swarm.listen
      .filter((address) => !isCarried(address))
      .map((address) => `swarm.listen: nothing listens on ${address}, only TCP and WebSocket are carried`),
    ...(file.discovery.advertise_address && file.discovery.external_address.length === 0
      ? ["discovery.advertise_address announces nothing without external_address"]
      : []),
    ...(file.server.embedded_auth.development.enable_mock_auth
      ? ["mock tokens are switched on: never outside of tests"]
      : []),
  ];
}
