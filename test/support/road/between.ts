/**
 * Stands between the production code and the database: names and counts every statement, inside of transactions and outside,
 * and lets a test fail any of them before it is sent, or after it took effect and its answer is lost.
 */
import type { KyselyPlugin } from "kysely";
import type { Database, Tx } from "@shoal/functions/store/database.ts";

/** Called around each point; throwing is the failure. */
interface Watcher {
  before?(point: string): void;
  /** With how many rows were returned. */
  after?(point: string, rows: number): void;
}

export type Worker = Pick<Database, "asWorker" | "workerStatement">;

export function between(database: Worker, watcher: Watcher): Worker {
  return {
    asWorker: async (work, how) => {
      watcher.before?.("transaction");
      const result = await database.asWorker((tx) => work(watched(tx, watcher)), how);
      watcher.after?.("transaction", 0);
      return result;
    },
    workerStatement: async (name, text, values) => {
      watcher.before?.(name);
      const rows = await database.workerStatement(name, text, values);
      watcher.after?.(name, rows.length);
      return rows as never;
    },
  };
}

function watched(tx: Tx, watcher: Watcher): Tx {
  const plugin: KyselyPlugin = {
    transformQuery: ({ node }) => {
      watcher.before?.("statement");
      return node;
    },
    transformResult: ({ result }) => {
      watcher.after?.("statement", result.rows.length);
      return Promise.resolve(result);
    },
  };
  return tx.withPlugin(plugin);
}
