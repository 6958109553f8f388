/**
 * A worker that tells when each job starts, by the clock that all processes of a machine share. Ours is woken as in
 * production, by an HTTP request; graphile-worker listens, as it does. Both share one process model: one worker process.
 */
import { createServer } from "node:http";
import { run } from "graphile-worker";
import { createEngine } from "@shoal/functions/dispatcher/engine/engine.ts";
import { each } from "@shoal/functions/dispatcher/engine/handler.ts";
import { minutes } from "@shoal/shared/base/time.ts";
import { GRAPHILE_PRESET, openPool, silent } from "./contestants/graphile.ts";
import { engineOptions, openDatabase } from "./contestants/shoal.ts";

export interface StartPlan {
  readonly name: "shoal" | "graphile" | "graphile-batched";
  readonly url: string;
}

/** What the worker sends: that it is up (with the port to knock at), or that a job has started. */
export type StartMessage = { readonly ready: number } | { readonly job: number; readonly startedAtNs: string };

const plan = JSON.parse(process.argv[2] ?? "{}") as StartPlan;
const tell = (message: StartMessage): void => void process.send?.(message);
const started = (job: number): void => tell({ job, startedAtNs: String(process.hrtime.bigint()) });

if (plan.name === "shoal") {
  const database = openDatabase(plan.url);
  const engine = createEngine({
    ...engineOptions(database, false, () => undefined),
    handlers: {
      bench: each((task) => {
        started(Number(task.key));
        return { outcome: { kind: "done" }, effects: [] };
      }),
    },
  });
  const server = createServer((_request, response) => {
    void engine.runUntilIdle({ deadlineMs: minutes(1) }).then(() => response.writeHead(204).end());
  });
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    tell({ ready: typeof address === "object" && address !== null ? address.port : 0 });
  });
} else {
  await run({
    pgPool: openPool(plan.url, 25),
    logger: silent,
    noHandleSignals: true,
    preset: plan.name === "graphile" ? { worker: { concurrentJobs: 24, maxPoolSize: 25 } } : GRAPHILE_PRESET,
    taskList: { bench: (payload) => started((payload as { job: number }).job) },
  });
  tell({ ready: 0 });
}
