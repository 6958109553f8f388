/** A worker that kills itself in the middle of its work (`dieAfter` tasks), or one that does the rest and says when it is done. */
import { createEngine } from "@shoal/functions/dispatcher/engine/engine.ts";
import { milliseconds } from "@shoal/shared/base/time.ts";
import { engineOptions, openDatabase } from "./contestants/shoal.ts";

export interface KillPlan {
  readonly url: string;
  readonly leaseMs: number;
  readonly dieAfter?: number;
}

export interface KillReport {
  readonly doneAt: number;
}

const plan = JSON.parse(process.argv[2] ?? "{}") as KillPlan;
const database = openDatabase(plan.url);
let ran = 0;
const options = engineOptions(database, true, () => {
  ran += 1;
  // From the middle of a batch: some of it is recorded, some is on its way, some has only been leased.
  if (ran === plan.dieAfter) setImmediate(() => process.kill(process.pid, "SIGKILL"));
});
const engine = createEngine({ ...options, leaseMs: milliseconds(plan.leaseMs) });
await engine.runUntilIdle({ deadlineMs: milliseconds(30_000), lingerMs: milliseconds(plan.leaseMs * 2) });
const report: KillReport = { doneAt: Date.now() };
await database.close();
console.log(JSON.stringify(report));
