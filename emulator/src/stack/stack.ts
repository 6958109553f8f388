/**
 * Everything that Shoal needs outside of itself, and Shoal's functions, on one machine. Parts start as soon as what they need
 * is there and stop in reverse order. The Kubernetes API, the cluster, the bus and the functions are processes of their own,
 * kept alive, so that each can be killed like a machine of its own.
 */
import { fileURLToPath } from "node:url";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { CloudTasksServer } from "../cloud-tasks/index.ts";
import { triggersOf } from "../functions/manifest.ts";
import { startFunctions, type Functions } from "../functions/supervisor.ts";
import type { IdentityServer } from "../identity/index.ts";
import type { Postgres } from "../postgres/index.ts";
import type { Kept } from "../processes/keep.ts";
import { createFireSender } from "../scheduler/send.ts";
import { createScheduler } from "../scheduler/scheduler.ts";
import type { StackDatabase } from "./database.ts";
import { firstKey } from "./first-key.ts";
import { keptSecrets, readLocalFile, writeLocalFile, type LocalFile } from "./folder.ts";
import { startFront } from "./front.ts";
import { environmentOf, LOCATION, PROJECT, TASKS_ACCOUNT } from "./functions-env.ts";
import { LOCAL_USER, startOutside } from "./outside.ts";
import type { StackSettings } from "./settings.ts";
import { createStarter, type Progress, type Starter } from "./starter.ts";

/** The names by which a fault may be put on a process. */
export type StackProcess = "postgres" | "kubernetes" | "cluster" | "bus" | "front" | "work";

export interface Stack {
  readonly local: LocalFile;
  readonly postgres: Postgres;
  readonly database: StackDatabase;
  readonly tasks: CloudTasksServer;
  readonly functions: Functions;
  /** References of the example images, by name. */
  readonly images: Readonly<Record<string, string>>;
  /** Ends a process as a crash would; it comes back by itself. */
  kill9(name: StackProcess): Promise<void>;
  pids(): Readonly<Record<string, number | undefined>>;
  stop(): Promise<void>;
}

const MAIN = fileURLToPath(new URL("../../../functions/src/main.ts", import.meta.url));

export async function startStack(settings: StackSettings, log: Log, progress: Progress): Promise<Stack> {
  const starter = createStarter(progress);
  try {
    return await assemble(settings, log, starter);
  } catch (thrown) {
    await starter.stop();
    throw thrown;
  }
}

async function assemble(settings: StackSettings, log: Log, starter: Starter): Promise<Stack> {
  const { dataDir, ports } = settings;
  const { step } = starter;
  const [secrets, before] = await Promise.all([keptSecrets(dataDir), readLocalFile(dataDir)]);
  const outside = startOutside(settings, secrets, log, starter);
  const functions = step("functions", async () => {
    const env = environmentOf({
      database: await outside.database,
      identity: await outside.identity,
      tasksPort: (await outside.tasks).port,
      kubeconfig: (await outside.kubernetes).ready()?.kubeconfig ?? "",
      rabbitmqUrl: (await outside.bus).url,
      secrets,
      logLevel: settings.logLevel,
    });
    const started = await startFunctions({
      log,
      clock: systemClock,
      random: systemRandom,
      source: MAIN,
      project: PROJECT,
      env,
    });
    outside.serve((name) => started.targetOf(name));
    return started;
  });
  const front = step("front door", async () => {
    const platform = await functions;
    return startFront({ port: ports.front, targetOf: (name) => platform.targetOf(name), log });
  });
  const scheduler = step("scheduler", async () =>
    startSchedules(await functions, await outside.tasks, await outside.identity, log),
  );
  const apiUrl = `http://127.0.0.1:${ports.front}`;
  const token = step(
    "first API key",
    async () => {
      const [{ ownerUrl }, provider] = [await outside.database, await outside.identity, await front];
      const idToken = (): Promise<string> => provider.signIdToken(LOCAL_USER.email, "shoal");
      return firstKey({ apiUrl, ownerUrl, idToken, kept: before.token });
    },
    () => undefined,
  );
  await Promise.all([token, scheduler, outside.cluster, outside.images]);
  const kubernetes = await outside.kubernetes;
  const bus = await outside.bus;
  const local: LocalFile = {
    pid: process.pid,
    apiUrl,
    token: await token,
    kubeconfig: kubernetes.ready()?.kubeconfig ?? "",
    amqpUrl: bus.url,
    issuer: (await outside.identity).issuer,
  };
  await writeLocalFile(dataDir, local);
  const kept = { kubernetes, cluster: await outside.cluster, bus: bus.kept };
  return describe(local, await outside.postgres, kept, await functions, {
    database: await outside.database,
    tasks: await outside.tasks,
    images: await outside.images,
    stop: () => starter.stop(),
  });
}

/** Tasks and schedules flow once the functions are up; the first tick is now, not at the next full minute. */
async function startSchedules(
  functions: Functions,
  tasks: CloudTasksServer,
  identity: IdentityServer,
  log: Log,
): Promise<{ readonly stop: () => Promise<void> }> {
  tasks.declareQueues(triggersOf(functions.manifest, "taskQueueTrigger"));
  tasks.start();
  const sender = createFireSender({
    targetOf: (name) => functions.targetOf(name),
    signToken: (claims) => identity.signServiceToken(claims),
    serviceAccountEmail: TASKS_ACCOUNT,
  });
  const scheduler = createScheduler({ clock: systemClock, log, send: sender.send, location: LOCATION });
  scheduler.declareJobs(triggersOf(functions.manifest, "scheduleTrigger"));
  await scheduler.run("tick");
  return {
    stop: async () => {
      scheduler.stop();
      await sender.close();
    },
  };
}

function describe(
  local: LocalFile,
  postgres: Postgres,
  kept: Readonly<Record<"kubernetes" | "cluster" | "bus", Kept<unknown> | undefined>>,
  functions: Functions,
  rest: Pick<Stack, "database" | "tasks" | "images" | "stop">,
): Stack {
  return {
    ...rest,
    local,
    postgres,
    functions,
    pids: () => ({
      kubernetes: kept.kubernetes?.pid(),
      cluster: kept.cluster?.pid(),
      bus: kept.bus?.pid(),
      ...Object.fromEntries(functions.status().map(({ name, pid }) => [name, pid])),
    }),
    kill9: async (name) => {
      if (name === "postgres") await postgres.faults.kill9();
      else if (name === "front" || name === "work") functions.faults.kill9(name);
      else kept[name]?.kill9();
    },
  };
}
