/**
 * The minute: asks for the passes of its two 30 s slots, and looks for what was missed. Each part is tried whatever becomes of
 * the others, and the function fails if one did, so that the scheduler tries again.
 */
import { contentHash } from "@shoal/shared/base/content-hash.ts";
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { plus, seconds, slotOf } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Queue } from "@shoal/shared/ports/queue.ts";
import type { Database } from "../store/database.ts";
import { ensureCluster } from "../store/processors/ensure-cluster.ts";
import { forgetOld } from "../store/retention/forget.ts";
import { nextDue } from "../store/tasks/next-due.ts";
import { sweepUnsettled } from "../store/tasks/sweep.ts";

export interface TickInit {
  readonly database: Pick<Database, "asWorker" | "workerStatement">;
  readonly queue: Queue;
  readonly clock: Pick<Clock, "now">;
  readonly log: Log;
  readonly cluster: { readonly name: string; readonly namespace: string };
}

const SLOT = seconds(30);
/** Rows that one sweep knocks at; the next minute goes on. */
const SWEEP_LIMIT = 1000;

export function createTick(init: TickInit): { run(): Promise<void> } {
  const { database, queue, clock, log, cluster } = init;
  const parts: Readonly<Record<string, () => Promise<void>>> = {
    cluster: () => database.asWorker((tx) => ensureCluster(tx, cluster.name, cluster.namespace)),
    slots: async () => {
      const first = slotOf(clock.now(), SLOT);
      for (const notBefore of [first, plus(first, SLOT)]) {
        const data = { cluster: cluster.name, shard: 0 };
        // Cloud Tasks spreads names by their beginning: a hash keeps neighbours apart.
        await queue.wake({ queue: "reconcile", taskId: contentHash({ ...data, notBefore }), notBefore, data });
      }
    },
    sweep: async () => {
      const found = await sweepUnsettled(database, SWEEP_LIMIT);
      if (found.length > 0) log.warn({ count: found.length }, "processors were at a stage that nobody looked at");
      const due = await nextDue(database);
      if (due !== undefined && due <= seconds(60)) await queue.wake({ queue: "dispatch", data: {} });
    },
    retention: async () => {
      const { keys, events } = await forgetOld(database);
      if (keys + events > 0) log.info({ keys, events }, "what was kept for a while is gone");
    },
  };
  return {
    run: async () => {
      const failed: string[] = [];
      for (const [name, part] of Object.entries(parts)) {
        await part().catch((thrown: unknown) => {
          log.error({ err: thrown, part: name }, `a part of the tick failed: ${messageOf(thrown)}`);
          failed.push(name);
        });
      }
      if (failed.length > 0) throw new ShoalError("unavailable", `the tick did not do: ${failed.join(", ")}`);
    },
  };
}
