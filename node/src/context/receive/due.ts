/**
 * Runs handlers of events that came from elsewhere: one after another per context, in the name of whoever acts here, as ordinary
 * calls. A handler's own events tell nobody else to run one, so that no two nodes can answer each other for ever: a chain
 * ends after one step on every node, without a count that somebody could lie about.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { ContextId } from "../../model/ids.ts";
import { ExecuteFailure } from "../execute-failure.ts";
import type { ContextParts } from "../parts.ts";
import { actingIdentity, authorised, returned } from "../rights.ts";
import { runCall } from "../run.ts";
import { dispatchXCalls } from "../xcalls.ts";
import { nextDue, type DueEvent } from "./due-rows.ts";

export interface DueHandlers {
  /** Something may be due; whatever is runs in its own time. */
  kick(id: ContextId): void;
  /** Begins no further one; resolves when the last has ended. */
  stop(): Promise<void>;
}

export function createDueHandlers(parts: () => ContextParts): DueHandlers {
  const running = new Map<ContextId, { again: boolean; readonly done: Promise<void> }>();
  let stopped = false;

  const runAll = async (id: ContextId): Promise<void> => {
    for (;;) {
      const next = stopped ? undefined : await nextDue(parts().store, id);
      if (next === undefined || !(await runOne(parts(), id, next))) return;
    }
  };

  const kick = (id: ContextId): void => {
    const run = running.get(id);
    if (stopped) return;
    if (run !== undefined) {
      run.again = true;
      return;
    }
    const done = runAll(id)
      .catch((err: unknown) => parts().log.error({ context: id, err }, "handlers could not be run"))
      .finally(() => {
        const { again } = running.get(id) ?? { again: false };
        running.delete(id);
        if (again) kick(id);
      });
    running.set(id, { again: false, done });
  };

  return {
    kick,
    async stop() {
      stopped = true;
      await Promise.all([...running.values()].map(({ done }) => done));
    },
  };
}

/** The store, the threads, or an application that has still to come. */
const isNodesTrouble = (err: unknown): boolean =>
  (err instanceof ShoalError && err.code === "unavailable") ||
  (err instanceof ExecuteFailure && err.reason.type === "ApplicationNotInstalled");

/** False where it has to be run later: the node's trouble, not the handler's. */
async function runOne(parts: ContextParts, id: ContextId, { key, event }: DueEvent): Promise<boolean> {
  const done = { column: "due", key, value: undefined } as const;
  try {
    await parts.membership.beforeUse(id);
    const call = authorised(parts, id, await actingIdentity(parts, id, undefined));
    if (event?.handler !== undefined && call.right === "write") {
      const { handler: method, data: input } = event;
      const outcome = await runCall(parts, { ...call, method, input, handles: done });
      returned(outcome);
      dispatchXCalls(parts, id, outcome.xcalls, 1);
    }
  } catch (err) {
    if (isNodesTrouble(err)) return false;
    parts.log.warn({ context: id, handler: event?.handler, err }, "a handler failed");
  }
  // A handler that changed nothing has no batch of its own.
  if (parts.store.get("due", key) !== undefined) await parts.store.apply([done]);
  return true;
}
