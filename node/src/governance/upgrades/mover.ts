/**
 * Moves contexts one after another, each with a few tries. A context whose move fails keeps its old application; the record
 * says so, and a person's `retry` tries again.
 */
import { messageOf } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { milliseconds } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { EventBus } from "../../model/event.ts";
import type { ApplicationId, ContextId, GroupId } from "../../model/ids.ts";
import type { Store } from "../../storage/store.ts";
import type { Ledger } from "../ledger.ts";
import { countsOf, isOpen, moved, recordRow, without, type ContextMove, type UpgradeRecord } from "./record.ts";

/** Tries of one context, and the wait before the second; it doubles with each. */
export const MOVE_ATTEMPTS = 3;
export const MOVE_BACKOFF_MS = 5000;

export interface MoveTarget {
  readonly applicationId: ApplicationId;
  readonly version: string;
  readonly migrateMethod?: string;
}

/**
 * Switches one context, with a migration where a method is named; rejects where the old version goes on. Does nothing where
 * the context runs the target already: a node that died between a move and its record asks again.
 */
export type UpdateContext = (contextId: ContextId, target: MoveTarget) => Promise<void>;

export interface MoverInit {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: EventBus;
  readonly updateContext: UpdateContext;
  readonly records: Map<GroupId, UpgradeRecord>;
  readonly stopped: AbortSignal;
}

export interface Mover {
  save(record: UpgradeRecord): Promise<void>;
  /** One context, all of its tries. */
  move(groupId: GroupId, contextId: ContextId, attempts: number): Promise<void>;
  /** Every waiting context; resolves when none waits or the node stops. */
  moveAll(groupId: GroupId): Promise<void>;
}

export function createMover(init: MoverInit): Mover {
  const { store, ledger, clock, log, events, records, stopped } = init;
  const inFlight = new Map<ContextId, Promise<void>>();

  const save = async (record: UpgradeRecord): Promise<void> => {
    await store.apply([recordRow(record)]);
    records.set(record.groupId, record);
    const data = { ...countsOf(record), targetApplicationId: record.to };
    const type = record.completedAtMs === undefined ? "MigrationProgress" : "MigrationCompleted";
    events.publish({ groupId: record.groupId, event: { type, data } });
    if (record.cascadeOf !== undefined) {
      const progress = { ...data, subgroupId: record.groupId };
      events.publish({ groupId: record.cascadeOf, event: { type: "CascadeProgress", data: progress } });
    }
  };

  /** One try; false where another may follow. */
  const attempt = async (groupId: GroupId, contextId: ContextId, attempts: number): Promise<boolean> => {
    const open = records.get(groupId);
    const at = open?.moves.find((each) => each.contextId === contextId);
    if (open === undefined || !isOpen(open) || at?.state !== "waiting") return true;
    if (ledger.groupOf(contextId) !== groupId) {
      await save(without(open, contextId, clock.now()));
      return true;
    }
    const tries = at.attempts + 1;
    let move: ContextMove = { contextId, state: "done", attempts: tries };
    try {
      await init.updateContext(contextId, targetOf(open));
    } catch (thrown) {
      const state = tries < attempts ? "waiting" : "failed";
      move = { contextId, state, attempts: tries, error: messageOf(thrown) };
      log.warn({ err: thrown, group: groupId, context: contextId, tries }, "a context could not be moved");
    }
    // Somebody may have aborted meanwhile: what was moved stays moved, and the record says so.
    await save(moved(records.get(groupId) ?? open, move, clock.now()));
    return move.state !== "waiting";
  };

  const tryAll = async (groupId: GroupId, contextId: ContextId, attempts: number): Promise<void> => {
    for (let wait = MOVE_BACKOFF_MS; !stopped.aborted; wait *= 2) {
      if (await attempt(groupId, contextId, attempts)) return;
      await clock.sleep(milliseconds(wait), stopped).catch(() => undefined);
    }
  };

  const move: Mover["move"] = async (groupId, contextId, attempts) => {
    const running = inFlight.get(contextId);
    if (running !== undefined) return running;
    const run = tryAll(groupId, contextId, attempts).finally(() => inFlight.delete(contextId));
    inFlight.set(contextId, run);
    return run;
  };

  return {
    save,
    move,
    async moveAll(groupId) {
      for (const { contextId, state } of records.get(groupId)?.moves ?? []) {
        if (stopped.aborted) return;
        if (state === "waiting") await move(groupId, contextId, MOVE_ATTEMPTS);
      }
      await store.durable();
    },
  };
}

function targetOf({ to, toVersion, migrateMethod }: UpgradeRecord): MoveTarget {
  return { applicationId: to, version: toVersion, ...(migrateMethod === undefined ? {} : { migrateMethod }) };
}
