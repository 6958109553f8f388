/** The collector: runs all sweeps on a timer, pauses between their steps, and counts. It fails alone. */
import { messageOf } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { GcSettings } from "./settings.ts";
import { sweep, SWEEPS, type Sweep, type SweepParts } from "./sweeps.ts";

export interface SweepCount {
  readonly rows: number;
  readonly bytes: number;
  readonly steps: number;
}

export type Report = Readonly<Record<Sweep, SweepCount>>;

export interface Collector {
  /** All sweeps once, now; joins a run of the same kind that is under way, and waits for one of the other. */
  run(options?: { readonly dryRun?: boolean }): Promise<Report>;
  /** Sums since the start, dry runs left out. */
  readonly totals: Report;
  start(): void;
  stop(): Promise<void>;
}

export interface CollectorInit extends SweepParts {
  readonly settings: GcSettings;
  readonly clock: Clock;
  readonly log: Log;
}

const NONE: SweepCount = { rows: 0, bytes: 0, steps: 0 };
const fresh = (): Record<Sweep, SweepCount> => ({ tombstones: NONE, orphans: NONE, references: NONE, blobs: NONE });

export function createCollector(init: CollectorInit): Collector {
  const { settings, clock, log } = init;
  const totals = fresh();
  const ending = new AbortController();
  let running: { readonly dryRun: boolean; readonly report: Promise<Report> } | undefined;
  let timer: Promise<void> | undefined;

  const once = async (dryRun: boolean): Promise<Report> => {
    const report = fresh();
    const beforeNs = BigInt(Math.trunc(clock.now() - settings.tombstoneRetention)) * 1_000_000n;
    for (const which of SWEEPS) {
      try {
        for await (const { rows, bytes } of sweep(init, which, { limit: settings.batch, beforeNs, dryRun })) {
          report[which] = plus(report[which], { rows, bytes, steps: 1 });
          if (!dryRun) totals[which] = plus(totals[which], { rows, bytes, steps: 1 });
          if (report[which].rows >= settings.maxDeletions) break;
          await clock.sleep(settings.pause, ending.signal);
        }
      } catch (thrown) {
        if (ending.signal.aborted) break;
        // The next run tries again; the other sweeps have nothing to do with it.
        log.error({ sweep: which, err: thrown }, `a sweep of the collector failed: ${messageOf(thrown)}`);
      }
    }
    log.info({ ...report, dryRun }, "collected");
    return report;
  };

  const onTimer = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      await clock.sleep(settings.checkInterval, ending.signal).catch(() => undefined);
      if (!ending.signal.aborted) await collector.run();
    }
  };

  const collector: Collector = {
    totals,
    async run({ dryRun = settings.dryRun } = {}) {
      if (running !== undefined && running.dryRun !== dryRun) {
        await running.report;
        return collector.run({ dryRun });
      }
      if (running === undefined) {
        const report = once(dryRun).finally(() => void (running = undefined));
        running = { dryRun, report };
      }
      return running.report;
    },
    start: () => void (timer ??= onTimer()),
    async stop() {
      ending.abort();
      await Promise.all([timer, running?.report.catch(() => undefined)]);
    },
  };
  return collector;
}

function plus(a: SweepCount, b: SweepCount): SweepCount {
  return { rows: a.rows + b.rows, bytes: a.bytes + b.bytes, steps: a.steps + b.steps };
}
