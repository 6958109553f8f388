/**
 * Tells whoever waits that something may have changed. Commits of this process tell at once; those of others are found by
 * one look a second at the database's snapshot, whatever the number of waiters, and by none while nobody waits. For a
 * moment after a change it looks more often, since one change is seldom alone.
 */
import { messageOf } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { milliseconds } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { snapshotText } from "../../store/changes/snapshot.ts";
import type { Database } from "../../store/database.ts";

/** Looks whether what it waits for has happened; a rejection asks to be told again. */
type Watcher = () => Promise<void>;

export interface Pulse {
  /** Returns how to stop watching. */
  readonly watch: (organisationId: string, watcher: Watcher) => () => void;
  /** A transaction of this process has committed. */
  readonly committed: (organisationId: string) => void;
  readonly close: () => void;
}

export const PULSE = { idleMs: 1000, busyMs: 100, busyForMs: 2000, atOnce: 4 } as const;

export function createPulse(init: {
  readonly database: Pick<Database, "asAccounts">;
  readonly clock: Clock;
  readonly log: Log;
}): Pulse {
  const { clock } = init;
  const watchers = new Map<string, Set<Watcher>>();
  const due = new Set<string>();
  let running = false;
  const closing = new AbortController();
  let seen: string | undefined;
  let busyUntil = 0;
  let nap = new AbortController();

  const tell = async (organisationId: string): Promise<void> => {
    const told = [...(watchers.get(organisationId) ?? [])].map((watcher) => watcher());
    for (const result of await Promise.allSettled(told)) {
      if (result.status === "fulfilled") continue;
      due.add(organisationId);
      init.log.debug({ err: result.reason as unknown }, `a watcher looks again later: ${messageOf(result.reason)}`);
    }
  };

  const look = async (): Promise<void> => {
    const now = await init.database.asAccounts(snapshotText);
    if (now !== seen) {
      seen = now;
      busyUntil = clock.monotonic() + PULSE.busyForMs;
      for (const organisationId of watchers.keys()) due.add(organisationId);
    }
    const todo = [...due];
    due.clear();
    const worker = async (): Promise<void> => {
      for (let next = todo.pop(); next !== undefined; next = todo.pop()) await tell(next);
    };
    await Promise.all(Array.from({ length: PULSE.atOnce }, worker));
  };

  const run = async (): Promise<void> => {
    running = true;
    while (watchers.size > 0 && !closing.signal.aborted) {
      await look().catch((thrown: unknown) => init.log.debug({ err: thrown }, "the database could not be looked at"));
      const span = clock.monotonic() < busyUntil ? PULSE.busyMs : PULSE.idleMs;
      nap = new AbortController();
      await clock.sleep(milliseconds(span), nap.signal).catch(() => undefined);
    }
    running = false;
    due.clear();
  };

  return {
    watch: (organisationId, watcher) => {
      const group = watchers.get(organisationId) ?? new Set();
      group.add(watcher);
      watchers.set(organisationId, group);
      if (!running) void run();
      return () => {
        group.delete(watcher);
        if (group.size === 0 && watchers.get(organisationId) === group) watchers.delete(organisationId);
        if (watchers.size === 0) nap.abort();
      };
    },
    committed: (organisationId) => {
      if (!watchers.has(organisationId)) return;
      // What was written may lie above the snapshot's edge for as long as an older transaction runs: look soon, too.
      busyUntil = clock.monotonic() + PULSE.busyForMs;
      void tell(organisationId).then(() => nap.abort());
    },
    close: () => {
      closing.abort();
      nap.abort();
    },
  };
}
