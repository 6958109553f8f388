/** graphile-worker, tuned as its performance page advises: local queue of 500, completions batched without a delay. */
import { Logger, makeWorkerUtils, run, type RunnerOptions, type WorkerUtils } from "graphile-worker";
import { Pool } from "pg";
import type { Contestant } from "./contestant.ts";

const FILL_BATCH = 5000;
const CONCURRENCY = 24;
export const silent = new Logger(() => () => undefined);

export const GRAPHILE_PRESET: NonNullable<RunnerOptions["preset"]> = {
  worker: {
    concurrentJobs: CONCURRENCY,
    maxPoolSize: 25,
    localQueue: { size: 500, refetchDelay: { durationMs: 10 } },
    completeJobBatchDelay: 0,
    failJobBatchDelay: 0,
  },
};

/** With the error listeners that it asks for. */
export function openPool(url: string, max: number): Pool {
  const pool = new Pool({ connectionString: url, max });
  pool.on("error", () => undefined);
  pool.on("connect", (client) => client.on("error", () => undefined));
  return pool;
}

export function createGraphile(): Contestant {
  let [pool, effects]: Pool[] = [];
  let utils: WorkerUtils;
  return {
    open: async (url) => {
      pool = openPool(url, 25);
      effects = openPool(url, 10);
      utils = await makeWorkerUtils({ pgPool: pool, logger: silent });
      await utils.migrate();
    },
    fill: async (from, n) => {
      for (let at = from; at < from + n; at += FILL_BATCH) {
        const size = Math.min(FILL_BATCH, from + n - at);
        await utils.addJobs(
          Array.from({ length: size }, (_, i) => ({ identifier: "bench", payload: { job: at + i } })),
        );
      }
    },
    drain: async (n, effect) => {
      let ran = 0;
      const done = Promise.withResolvers<void>();
      const runner = await run({
        ...(pool === undefined ? {} : { pgPool: pool }),
        logger: silent,
        noHandleSignals: true,
        preset: GRAPHILE_PRESET,
        taskList: {
          bench: async (payload) => {
            if (effect)
              await effects?.query({
                name: "effect",
                text: "insert into effects values ($1)",
                values: [jobOf(payload)],
              });
            ran += 1;
            if (ran === n) done.resolve();
          },
        },
      });
      await done.promise;
      return { settle: () => runner.stop() };
    },
    close: async () => {
      await utils.release();
      await Promise.all([pool?.end(), effects?.end()]);
    },
  };
}

function jobOf(payload: unknown): number {
  return typeof payload === "object" && payload !== null && "job" in payload ? Number(payload.job) : Number.NaN;
}
