/** A worker process that is there to be killed: one effect for each task, a few milliseconds apart. */
import { each } from "@shoal/functions/dispatcher/engine/handler.ts";
import { createEngine } from "@shoal/functions/dispatcher/engine/engine.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import { createDatabase } from "@shoal/functions/store/database.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { milliseconds, minutes } from "@shoal/shared/base/time.ts";
import { EFFECT_KIND, effectOf } from "./effects.ts";

const database = createDatabase({
  url: process.env["DATABASE_URL"] ?? "",
  log: silentLog,
  applicationName: "shoal-test-worker",
  maxConnections: 4,
  statementTimeoutMs: 10_000,
});
await createEngine({
  database,
  clock: systemClock,
  random: systemRandom,
  log: silentLog,
  handlers: {
    k: each(async (task) => {
      await systemClock.sleep(milliseconds(5));
      return { outcome: { kind: "done" }, effects: [effectOf(task.key)] };
    }),
  },
  effects: [EFFECT_KIND],
  batchSize: 20,
  concurrency: 40,
  leaseMs: milliseconds(1000),
}).runUntilIdle({ deadlineMs: minutes(1) });
await database.close();
