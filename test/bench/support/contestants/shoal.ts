/** The dispatcher's own engine, as production wires it: worker statements, leases, effects inside of the completion. */
import { systemClock } from "@shoal/shared/system/clock.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import { createEngine, type EngineOptions } from "@shoal/functions/dispatcher/engine/engine.ts";
import { each } from "@shoal/functions/dispatcher/engine/handler.ts";
import { createDatabase, type Database } from "@shoal/functions/store/database.ts";
import { migrate } from "@shoal/functions/store/migrate.ts";
import type { Effect, EffectKind } from "@shoal/functions/store/tasks/effects/effect.ts";
import { PRODUCTION_EFFECTS } from "@shoal/functions/store/tasks/effects/index.ts";
import { wakeNow } from "@shoal/functions/store/tasks/wake.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { hours, milliseconds } from "@shoal/shared/base/time.ts";
import { Client } from "pg";
import type { Contestant } from "./contestant.ts";

const FILL_BATCH = 5000;

interface Counted extends Effect {
  readonly kind: "counted";
  readonly job: number;
}

export const COUNTED: EffectKind<Counted> = {
  kind: "counted",
  fields: { job: "bigint" },
  statement: "insert into effects (job) select job from counted_rows",
};

const DONE = { kind: "done" } as const;

export function engineOptions(database: Database, effect: boolean, onRun: () => void): EngineOptions {
  return {
    database,
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    effects: [...PRODUCTION_EFFECTS, COUNTED],
    handlers: {
      bench: each((task) => {
        onRun();
        const counted: Counted = { kind: "counted", job: Number(task.key) };
        return { outcome: DONE, effects: effect ? [counted] : [] };
      }),
    },
    batchSize: 500,
    concurrency: 1000,
    leaseMs: milliseconds(60_000),
  };
}

export function openDatabase(url: string): Database {
  const options = { applicationName: "bench", maxConnections: 4, statementTimeoutMs: 60_000 };
  return createDatabase({ url, log: silentLog, ...options });
}

export function createShoal(): Contestant {
  let database: Database;
  return {
    open: async (url) => {
      await migrate(url);
      const client = new Client({ connectionString: url });
      await client.connect();
      await client.query("grant all on effects to shoal_worker");
      await client.end();
      database = openDatabase(url);
    },
    fill: async (from, n) => {
      for (let at = from; at < from + n; at += FILL_BATCH) {
        const keys = Array.from({ length: Math.min(FILL_BATCH, from + n - at) }, (_, i) => String(at + i));
        await wakeNow(
          database,
          keys.map((key) => ({ kind: "bench", key, generation: 1 })),
        );
      }
    },
    drain: async (n, effect) => {
      let ran = 0;
      const stop = new AbortController();
      const engine = createEngine(
        engineOptions(database, effect, () => {
          ran += 1;
          if (ran === n) stop.abort();
        }),
      );
      await engine.runUntilIdle({ deadlineMs: hours(1), signal: stop.signal });
      if (ran < n) throw new Error(`ran ${ran} of ${n}`);
      return { settle: async () => undefined };
    },
    close: () => database.close(),
  };
}
