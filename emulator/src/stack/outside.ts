/** The outside of Shoal on one machine: database, sign-in, bus, Kubernetes with hosts, task queues, images. */
import { join } from "node:path";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { startCloudTasks, type CloudTasksServer } from "../cloud-tasks/index.ts";
import { startIdentity, type IdentityServer } from "../identity/index.ts";
import type { Postgres } from "../postgres/index.ts";
import { startKeptPostgres } from "./kept-postgres.ts";
import type { Kept } from "../processes/keep.ts";
import {
  startBusProcess,
  startClusterProcess,
  startKubernetesProcess,
  type BusProcess,
  type KubernetesProcess,
} from "./children.ts";
import { prepareDatabase, type StackDatabase } from "./database.ts";
import type { LocalSecrets } from "./folder.ts";
import { LOCATION, PROJECT } from "./functions-env.ts";
import { buildExamples } from "./images.ts";
import type { StackSettings } from "./settings.ts";
import type { Starter } from "./starter.ts";

/** Each part as it becomes ready. */
export interface Outside {
  readonly postgres: Promise<Postgres>;
  readonly database: Promise<StackDatabase>;
  readonly identity: Promise<IdentityServer>;
  readonly bus: Promise<BusProcess>;
  readonly kubernetes: Promise<KubernetesProcess>;
  readonly cluster: Promise<Kept<object>>;
  readonly tasks: Promise<CloudTasksServer>;
  /** References of the example images, by name. */
  readonly images: Promise<Readonly<Record<string, string>>>;
  /** Says where the functions are, which tasks are for. */
  serve(targetOf: (functionName: string) => string | undefined): void;
}

export const LOCAL_USER = { email: "dev@shoal.local", name: "Local Developer" };

export function startOutside(settings: StackSettings, secrets: LocalSecrets, log: Log, { step }: Starter): Outside {
  const { dataDir, ports } = settings;
  const base = { log, clock: systemClock, random: systemRandom };
  let targetOf: (name: string) => string | undefined = () => undefined;
  const postgres = step("PostgreSQL", () =>
    startKeptPostgres({ dataDir: join(dataDir, "postgres"), port: ports.postgres, log, durable: true }),
  );
  const identity = step("identity provider", () => startLocalIdentity(settings, log));
  const kubernetes = step("Kubernetes API", () => startKubernetesProcess(settings, base));
  return {
    postgres,
    identity,
    kubernetes,
    database: step("database", async () => prepareDatabase((await postgres).superuserUrl, secrets, log), none),
    bus: step("bus", () => startBusProcess(settings, secrets, base)),
    cluster: step("cluster", async () => startClusterProcess(settings, base, await kubernetes)),
    images: step("example images", () => buildExamples(dataDir), none),
    tasks: step("Cloud Tasks", () =>
      startCloudTasks({
        ...base,
        port: ports.tasks,
        journalPath: join(dataDir, "cloud-tasks.jsonl"),
        project: PROJECT,
        location: LOCATION,
        targetOf: (name) => targetOf(name),
        signToken: async (claims) => (await identity).signServiceToken(claims),
      }),
    ),
    serve: (of) => {
      targetOf = of;
    },
  };
}

/** Nothing to undo. */
const none = (): void => undefined;

function startLocalIdentity(settings: StackSettings, log: Log): Promise<IdentityServer> {
  return startIdentity({
    dataDir: join(settings.dataDir, "identity"),
    port: settings.ports.identity,
    log,
    clock: systemClock,
    clients: [{ id: "shoal", name: "Shoal", redirectUris: ["http://127.0.0.1/callback"] }],
    users: [LOCAL_USER, { email: "guest@shoal.local", name: "Local Guest" }],
  });
}
