/**
 * The functions platform of one machine: every function that the manifest names, in a few processes. Fewer than one process
 * each, since a laptop has little memory; more than one in all, so that a crash of the workers leaves the API up.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { startGroup, type Group } from "./group.ts";
import { readManifest, type Manifest } from "./manifest.ts";

export interface FunctionsOptions {
  /** The module whose exports are the functions. */
  readonly source: string;
  readonly project: string;
  /** What the functions are configured by. Of our own environment only PATH, HOME, TMPDIR and the like are passed on. */
  readonly env: Readonly<Record<string, string>>;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
  /** Function names by group; what no group names is in `work`. */
  readonly groups?: Readonly<Record<string, readonly string[]>>;
}

export interface GroupStatus {
  readonly name: string;
  readonly targets: readonly string[];
  readonly pid: number | undefined;
  readonly restarts: number;
}

export interface Functions {
  readonly manifest: Manifest;
  /** `http://127.0.0.1:PORT/` of a function; `undefined` while its process is down. */
  targetOf(name: string): string | undefined;
  status(): readonly GroupStatus[];
  readonly faults: {
    /** Ends a group's process as a crash would; it is started again. */
    kill9(group: string): void;
  };
  stop(): Promise<void>;
}

/** What people and machines outside call, apart from what works through tasks. */
export const DEFAULT_GROUPS: Readonly<Record<string, readonly string[]>> = { front: ["api", "edge", "metrics"] };

const INHERITED = ["PATH", "HOME", "TMPDIR", "LANG", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"];

/** Resolves when every function listens. Errors: `internal` where the code cannot be loaded. */
export async function startFunctions(options: FunctionsOptions): Promise<Functions> {
  const env = environmentOf(options);
  const manifest = await readManifest(options.source, env);
  const groups = groupsOf(Object.keys(manifest.endpoints), options.groups ?? DEFAULT_GROUPS);
  const started = await Promise.allSettled(
    Object.entries(groups).map(([name, targets]) =>
      startGroup({ ...options, name, targets, env: { ...env, K_SERVICE: name, FUNCTION_TARGET: targets.join(",") } }),
    ),
  );
  const alive = started.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  const failed = started.find((each) => each.status === "rejected");
  if (failed !== undefined) {
    await Promise.all(alive.map((group) => group.stop()));
    throw failed.reason;
  }
  return describe(manifest, alive);
}

function describe(manifest: Manifest, groups: readonly Group[]): Functions {
  const groupOf = new Map(groups.flatMap((group) => group.targets.map((target) => [target, group] as const)));
  return {
    manifest,
    targetOf: (name) => {
      const port = groupOf.get(name)?.portOf(name);
      return port === undefined ? undefined : `http://127.0.0.1:${port}/`;
    },
    status: () =>
      groups.map((group) => ({
        name: group.name,
        targets: group.targets,
        pid: group.pid(),
        restarts: group.restarts(),
      })),
    faults: {
      kill9: (name) => {
        const group = groups.find((each) => each.name === name);
        if (group === undefined) throw new ShoalError("not_found", `there is no group of functions named ${name}`);
        group.kill9();
      },
    },
    stop: async () => {
      await Promise.all(groups.map((group) => group.stop()));
    },
  };
}

/** Each named function into its group, all others into `work`; groups without functions do not start. */
export function groupsOf(
  names: readonly string[],
  wanted: Readonly<Record<string, readonly string[]>>,
): Readonly<Record<string, readonly string[]>> {
  const groups: Record<string, string[]> = {};
  for (const name of names) {
    const group = Object.entries(wanted).find(([, members]) => members.includes(name))?.[0] ?? "work";
    (groups[group] ??= []).push(name);
  }
  return groups;
}

/** As the platform sets it; not FUNCTIONS_EMULATOR, under which task handlers would skip their token check. */
function environmentOf(options: FunctionsOptions): Readonly<Record<string, string>> {
  const inherited = INHERITED.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]));
  return {
    ...(Object.fromEntries(inherited) as Record<string, string>),
    TZ: "UTC",
    GCLOUD_PROJECT: options.project,
    GOOGLE_CLOUD_PROJECT: options.project,
    FIREBASE_CONFIG: JSON.stringify({ projectId: options.project }),
    FUNCTION_SIGNATURE_TYPE: "http",
    K_REVISION: "local",
    // There is no metadata server, and looking for one takes seconds.
    METADATA_SERVER_DETECTION: "none",
    ...options.env,
  };
}
