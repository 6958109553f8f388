/** The dispatcher over a real database and a scripted cluster: what the tests of the road begin from. */
import { createDispatcher, type Dispatcher } from "@shoal/functions/dispatcher/dispatcher.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { eventually } from "../clock.ts";
import { testDatabase, type TestDatabase } from "../postgres.ts";
import type { Database } from "@shoal/functions/store/database.ts";
import { hurriedClock } from "./clock.ts";
import { scriptedCluster, type ScriptedCluster } from "./cluster.ts";
import { recordingQueue } from "./queue.ts";
import type { Worker } from "./between.ts";
import { CLUSTER, seedWorld } from "./seed.ts";

export interface Stage {
  readonly db: TestDatabase;
  readonly database: Database;
  readonly cluster: ScriptedCluster;
  readonly queue: ReturnType<typeof recordingQueue>;
  dispatcherOver(through: Worker): Dispatcher;
  /** Wakes the dispatcher and lets it work until nothing is due soon. */
  work(): Promise<void>;
  /** The same, until something is so: for what the dispatcher waits for and goes on to ask about. */
  workUntil(check: () => Promise<boolean>, what: string): Promise<void>;
}

export async function setStage(): Promise<Stage> {
  const db = await testDatabase();
  const database = db.open();
  await seedWorld(db.sql);
  const cluster = scriptedCluster();
  const queue = recordingQueue();
  const dispatcherOver = (through: Worker): Dispatcher =>
    createDispatcher({
      database: through,
      pods: cluster,
      queue,
      clock: hurriedClock(db.sql),
      random: systemRandom,
      log: silentLog,
      imagePullSecret: "pull",
      clusterId: CLUSTER,
    });
  const dispatcher = dispatcherOver(database);
  return {
    db,
    database,
    cluster,
    queue,
    dispatcherOver,
    work: async () => void (await dispatcher.wake()),
    workUntil: async (check, what) => {
      const end = new AbortController();
      const working = dispatcher.wake(end.signal);
      await eventually(async () => ((await check()) ? true : undefined), what).finally(() => end.abort());
      await working;
    },
  };
}
