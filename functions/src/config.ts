/**
 * Configuration: one pure parser from the environment to typed sections, called once by each function for the sections that
 * it needs, so that no function is given a secret it has no use for. Names that existing tools set (`DORY_*`, `KUBECONFIG`)
 * are kept. Everything that is wrong is said at once.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { Secret } from "@shoal/shared/base/secret.ts";

export type Env = Readonly<Record<string, string | undefined>>;
export type LogLevel = "debug" | "info" | "warn" | "error";

export interface Sections {
  readonly runtime: { readonly production: boolean; readonly logLevel: LogLevel; readonly trustedProxies: number };
  /** Login that may become `shoal_tenant` and `shoal_accounts`. */
  readonly managerDatabase: DatabaseSection;
  /** Login that may become `shoal_worker`. */
  readonly workerDatabase: DatabaseSection;
  readonly queue: {
    readonly project: string;
    readonly location: string;
    /** Scheme, host and port of a stand-in; undefined means Google. */
    readonly standIn: string | undefined;
    readonly serviceAccountEmail: string;
    /** The functions behind the queues; undefined only with a stand-in, which knows them. */
    readonly targets: { readonly dispatch: string; readonly reconcile: string } | undefined;
  };
  readonly identity: { readonly issuer: string; readonly audience: string; readonly jwksUrl: string };
  readonly cluster: {
    readonly name: string;
    readonly namespace: string;
    /** Path of the kubeconfig. */
    readonly kubeconfig: string;
    readonly imagePullSecret: string;
  };
  /** What pods are given through the namespace's secret. */
  readonly pods: { readonly stateToken: Secret; readonly rabbitmqUrl: Secret | undefined };
}

export interface DatabaseSection {
  readonly url: Secret;
  readonly maxConnections: number;
}

export type SectionName = keyof Sections;

/** Throws `invalid_argument` with every problem, one a line, in the order of the sections. */
export function parseConfig<const Names extends readonly SectionName[]>(
  env: Env,
  names: Names,
): Pick<Sections, Names[number]> {
  const read = new Reader(env);
  const production = read.choice("SHOAL_ENV", ["production", "local"], "production") === "production";
  if (production) refuseEmulators(env, read);
  const parsed = names.map((name) => [name, PARSERS[name](read, production)] as const);
  if (read.problems.length > 0) {
    throw new ShoalError("invalid_argument", `the configuration is not usable:\n${read.problems.join("\n")}`);
  }
  // Each parser returns its own section, by construction of `PARSERS`.
  return Object.fromEntries(parsed) as Pick<Sections, Names[number]>;
}

const PARSERS: { readonly [Name in SectionName]: (read: Reader, production: boolean) => Sections[Name] } = {
  runtime: (read, production) => ({
    production,
    logLevel: read.choice("DORY_LOG_LEVEL", ["debug", "info", "warn", "error"], "info"),
    // Google's front end appends one entry to X-Forwarded-For.
    trustedProxies: read.whole("SHOAL_TRUSTED_PROXIES", 0, 5, production ? 1 : 0),
  }),
  managerDatabase: (read, production) => database(read, "SHOAL_MANAGER_DATABASE_URL", production),
  workerDatabase: (read, production) => database(read, "DORY_DATABASE_URL", production),
  queue: (read, production) => {
    const host = production ? undefined : read.optional("CLOUD_TASKS_EMULATOR_HOST");
    const [dispatch, reconcile] = ["SHOAL_DISPATCH_URL", "SHOAL_RECONCILE_URL"].map((name) =>
      host === undefined ? read.url(name, production) : read.optional(name),
    );
    return {
      project: read.required("GOOGLE_CLOUD_PROJECT"),
      location: read.required("SHOAL_LOCATION"),
      standIn: host === undefined ? undefined : `http://${host}`,
      serviceAccountEmail: read.required("SHOAL_TASKS_SERVICE_ACCOUNT"),
      targets: dispatch === undefined || reconcile === undefined ? undefined : { dispatch, reconcile },
    };
  },
  identity: (read, production) => ({
    issuer: read.url("SHOAL_OIDC_ISSUER", production),
    audience: read.required("SHOAL_OIDC_AUDIENCE"),
    jwksUrl: read.url("SHOAL_OIDC_JWKS_URL", production),
  }),
  cluster: (read) => ({
    name: read.label("SHOAL_CLUSTER", "default"),
    namespace: read.label("DORY_NAMESPACE", "dory-apps"),
    kubeconfig: read.required("KUBECONFIG"),
    imagePullSecret: read.label("DORY_IMAGE_PULL_SECRET", "ecr-registry-secret"),
  }),
  pods: (read) => ({
    stateToken: new Secret(read.required("DORY_STATE_TOKEN")),
    rabbitmqUrl: secret(read.optional("DORY_RABBITMQ_URL")),
  }),
};

function database(read: Reader, name: string, production: boolean): DatabaseSection {
  const url = read.required(name);
  if (url !== "" && !/^postgres(ql)?:\/\//.test(url)) read.problem(name, "has to begin with postgres://");
  if (production && /[?&]sslmode=disable\b/.test(url))
    read.problem(name, "has sslmode=disable, which production refuses");
  return { url: new Secret(url), maxConnections: read.whole("SHOAL_DATABASE_CONNECTIONS", 1, 100, 8) };
}

function secret(text: string | undefined): Secret | undefined {
  return text === undefined ? undefined : new Secret(text);
}

/** Switches that make a client trust what it must not, or send credentials elsewhere. */
const EMULATOR_SWITCHES =
  /_EMULATOR_HOST$|^FUNCTIONS_EMULATOR$|^FIREBASE_DEBUG_(MODE|FEATURES)$|^FIREBASE_EMULATOR_HUB$/;

function refuseEmulators(env: Env, read: Reader): void {
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && value !== "" && EMULATOR_SWITCHES.test(name))
      read.problem(name, "is an emulator's switch, which production refuses");
  }
}

/** Reads variables and collects what is wrong with them; what it returns then is never used. */
class Reader {
  readonly problems: string[] = [];
  readonly #env: Env;

  constructor(env: Env) {
    this.#env = env;
  }

  problem(name: string, what: string): void {
    this.problems.push(`${name} ${what}`);
  }

  optional(name: string): string | undefined {
    const value = this.#env[name];
    return value === undefined || value === "" ? undefined : value;
  }

  required(name: string): string {
    const value = this.optional(name);
    if (value === undefined) this.problem(name, "is not set");
    return value ?? "";
  }

  choice<const Word extends string>(name: string, words: readonly [Word, ...Word[]], otherwise: Word): Word {
    const value = this.optional(name);
    if (value === undefined) return otherwise;
    const found = words.find((word) => word === value);
    if (found === undefined) this.problem(name, `has to be one of ${words.join(", ")}`);
    return found ?? otherwise;
  }

  whole(name: string, least: number, most: number, otherwise: number): number {
    const text = this.optional(name);
    if (text === undefined) return otherwise;
    const value = Number(text);
    if (!Number.isInteger(value) || value < least || value > most)
      this.problem(name, `has to be a whole number from ${least} to ${most}`);
    return value;
  }

  label(name: string, otherwise: string): string {
    const value = this.optional(name) ?? otherwise;
    if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(value))
      this.problem(name, "has to be lower-case letters, digits and hyphens, 63 at most");
    return value;
  }

  url(name: string, production: boolean): string {
    const value = this.required(name);
    if (value === "") return value;
    if (!URL.canParse(value)) this.problem(name, "has to be a URL");
    else if (production && !value.startsWith("https://")) this.problem(name, "has to be https in production");
    return value;
  }
}
