/** pg-boss, in the fastest way that it offers for much work: 4 loops of fetch(100), effects in parallel, one complete each. */
import { PgBoss } from "pg-boss";
import { Pool } from "pg";
import type { Contestant } from "./contestant.ts";

const QUEUE = "bench";
const LOOPS = 4;
const BATCH = 100;
const FILL_BATCH = 2000;

export function createPgBoss(): Contestant {
  let boss: PgBoss;
  let effects: Pool;
  return {
    open: async (url) => {
      boss = new PgBoss({ connectionString: url, max: 25, useListenNotify: true, supervise: false, schedule: false });
      boss.on("error", () => undefined);
      effects = new Pool({ connectionString: url, max: 10 });
      await boss.start();
      await boss.createQueue(QUEUE, { notify: true });
    },
    fill: async (from, n) => {
      for (let at = from; at < from + n; at += FILL_BATCH) {
        const size = Math.min(FILL_BATCH, from + n - at);
        await boss.insert(
          QUEUE,
          Array.from({ length: size }, (_, i) => ({ data: { job: at + i } })),
        );
      }
    },
    drain: async (n, effect) => {
      let ran = 0;
      const loop = async (): Promise<void> => {
        while (ran < n) {
          const jobs = await boss.fetch<{ job: number }>(QUEUE, { batchSize: BATCH });
          if (jobs.length === 0) {
            await new Promise((resolve) => setTimeout(resolve, 20));
            continue;
          }
          if (effect) {
            await Promise.all(
              jobs.map(({ data }) =>
                effects.query({ name: "effect", text: "insert into effects values ($1)", values: [data.job] }),
              ),
            );
          }
          ran += jobs.length;
          await boss.complete(
            QUEUE,
            jobs.map((job) => job.id),
          );
        }
      };
      await Promise.all(Array.from({ length: LOOPS }, loop));
      return { settle: async () => undefined };
    },
    close: async () => {
      await boss.stop({ graceful: false });
      await effects.end();
    },
  };
}
