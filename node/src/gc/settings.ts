/** How the collector works: `[gc]` of config.toml. */
import { days, hours, milliseconds, type DurationMs } from "@shoal/shared/base/time.ts";

export interface GcSettings {
  /** From the end of one run to the start of the next. */
  readonly checkInterval: DurationMs;
  /** How long a deletion is remembered: a replica that was away for longer starts afresh. */
  readonly tombstoneRetention: DurationMs;
  /** Rows, blobs or files in one step. */
  readonly batch: number;
  /** Rows that one sweep of a run removes; the next run goes on. */
  readonly maxDeletions: number;
  /** Between steps: everything else goes first. */
  readonly pause: DurationMs;
  /** Count only. */
  readonly dryRun: boolean;
}

export const DEFAULT_GC: GcSettings = {
  checkInterval: hours(12),
  tombstoneRetention: days(1),
  batch: 500,
  maxDeletions: 10_000,
  pause: milliseconds(20),
  dryRun: false,
};
