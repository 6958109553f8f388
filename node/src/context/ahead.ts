/**
 * Runs go ahead of the disk. A write's turn ends as soon as its rows are known: the next run of the context reads them from
 * here, while they are on their way to the store; whatever has gathered meanwhile is one batch with one sync. Nothing is
 * acknowledged, told to subscribers or readable by others before it is on disk, and where a batch fails, everything that was
 * built on it fails with it. Where only its sync fails it is there, may be lost with the machine, and is told but not acknowledged.
 */
import type { Context } from "../model/context.ts";
import type { ContextId } from "../model/ids.ts";
import type { Column, Row, Store } from "../storage/store.ts";
import type { IdItem } from "../sync/protocols/contract.ts";
import { readKnown } from "./known.ts";
import type { ContextRegistry } from "./registry.ts";

/** Rows that may be on their way at a time; more of them wait, since each run has to be told of all. */
export const MAX_ROWS_AHEAD = 2048;
/** The same in bytes of their keys and values. */
export const MAX_BYTES_AHEAD = 4 * 1024 * 1024;

const READ_BY_RUNS: ReadonlySet<Column> = new Set(["state", "private", "index", "blobs"]);

export interface Ahead {
  /** The context as it is after everything that is on its way. */
  tip(id: ContextId): Context | undefined;
  /** Rows on their way that a run may read, the latest of each key. */
  rows(id: ContextId): readonly Row[];
  /** Ids of the deltas on their way, with their times. */
  deltas(id: ContextId): readonly IdItem[];
  /** Grows whenever a batch of the context fails: a run that began before has read what never came to be. */
  failures(id: ContextId): number;
  /**
   * Resolves when `rows` and the context with them are on disk. Call it in the context's turn. `there` is called, before, once
   * readers see them: also where the sync alone failed, and the promise rejects.
   */
  append(context: Context, rows: readonly Row[], there: () => void): Promise<void>;
  /** Resolves when there is room for another run. Call it in the context's turn. */
  room(id: ContextId): Promise<void>;
  /** Resolves when nothing of the context is on its way, whatever became of it. */
  settled(id: ContextId): Promise<void>;
}

interface Entry {
  readonly context: Context;
  readonly rows: readonly Row[];
  there(): void;
  resolve(): void;
  reject(reason: unknown): void;
}

interface Line {
  queued: Entry[];
  writing: Entry[];
  idle: Promise<void>;
}

export function createAhead(store: Pick<Store, "apply" | "durable">, registry: ContextRegistry): Ahead {
  const lines = new Map<ContextId, Line>();
  const failed = new Map<ContextId, number>();

  const entriesOf = (id: ContextId): readonly Entry[] => {
    const line = lines.get(id);
    return line === undefined ? [] : [...line.writing, ...line.queued];
  };

  const drain = async (id: ContextId, line: Line): Promise<void> => {
    while (line.queued.length > 0) {
      [line.writing, line.queued] = [line.queued, []];
      // Asked for together, so that the batch itself is the synced write.
      const rows = line.writing.flatMap((entry) => entry.rows);
      const [applied, synced] = await Promise.allSettled([store.apply(rows), store.durable()]);
      if (applied.status === "rejected") {
        failed.set(id, (failed.get(id) ?? 0) + 1);
        const lost = entriesOf(id);
        [line.writing, line.queued] = [[], []];
        for (const entry of lost) entry.reject(applied.reason);
        break;
      }
      const written = line.writing;
      line.writing = [];
      const last = written.at(-1);
      if (last !== undefined) registry.set(last.context);
      for (const entry of written) {
        entry.there();
        if (synced.status === "fulfilled") entry.resolve();
        else entry.reject(synced.reason);
      }
    }
    lines.delete(id);
  };

  return {
    tip: (id) => entriesOf(id).at(-1)?.context ?? registry.get(id),
    rows: (id) => latestRows(entriesOf(id)),
    deltas: (id) => deltasOf(entriesOf(id)),
    failures: (id) => failed.get(id) ?? 0,
    append(context, rows, there) {
      return new Promise((resolve, reject) => {
        const entry: Entry = { context, rows, there, resolve, reject };
        const line = lines.get(context.id);
        if (line !== undefined) {
          line.queued.push(entry);
          return;
        }
        const fresh: Line = { queued: [entry], writing: [], idle: Promise.resolve() };
        lines.set(context.id, fresh);
        fresh.idle = drain(context.id, fresh);
      });
    },
    async room(id) {
      const line = lines.get(id);
      if (line === undefined) return;
      const rows = entriesOf(id).flatMap((entry) => entry.rows);
      const bytes = rows.reduce((sum, { key, value }) => sum + key.length + (value?.length ?? 0), 0);
      if (rows.length > MAX_ROWS_AHEAD || bytes > MAX_BYTES_AHEAD) await line.idle;
    },
    settled: async (id) => lines.get(id)?.idle,
  };
}

function latestRows(entries: readonly Entry[]): readonly Row[] {
  const latest = new Map<string, Row>();
  for (const { rows } of entries) {
    for (const row of rows) {
      if (READ_BY_RUNS.has(row.column)) latest.set(row.column + Buffer.from(row.key).toString("latin1"), row);
    }
  }
  return [...latest.values()];
}

const deltasOf = (entries: readonly Entry[]): readonly IdItem[] =>
  entries.flatMap(({ rows }) =>
    rows.flatMap(({ column, key, value }) =>
      column === "known" && value !== undefined ? [readKnown(key, value)] : [],
    ),
  );
