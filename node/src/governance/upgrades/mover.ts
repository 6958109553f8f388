/**
 * Moves contexts one after another, each with a few tries. A context whose move fails keeps its old application; the record
 * says so and why, and a person's `retry` tries again. What only waits, for the application or for somebody who may, is no
 * failure.
 */
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { milliseconds } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { ExecuteFailure } from "../../context/execute-failure.ts";
import type { EventBus } from "../../model/event.ts";
import type { ApplicationId, ContextId, GroupId } from "../../model/ids.ts";
import type { Store } from "../../storage/store.ts";
import type { Ledger } from "../ledger.ts";
import type { Catalogue } from "../app-key.ts";
import { countsOf, isOpen, moved, recordRow, type ContextMove, type UpgradeRecord } from "./record.ts";
import { refreshedBy } from "./refresh.ts";

/** Tries of one context, and the wait before the second; it doubles with each, up to a minute. */
export const MOVE_ATTEMPTS = 3;
export const MOVE_BACKOFF_MS = 5000;
const MAX_BACKOFF_MS = 60_000;
/** Characters of a reason that a record keeps. */
const MAX_REASON = 1000;

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
  readonly applications: Catalogue;
  readonly records: Map<GroupId, UpgradeRecord>;
  readonly stopped: AbortSignal;
}

export interface Mover {
  save(record: UpgradeRecord): Promise<void>;
  /** Whether it is at work on the context just now. */
  isMoving(contextId: ContextId): boolean;
  /** One context, all of its tries. */
  move(groupId: GroupId, contextId: ContextId, attempts: number): Promise<void>;
  /** Every waiting context; resolves when none waits or the node stops. */
  moveAll(groupId: GroupId): Promise<void>;
}

export function createMover(init: MoverInit): Mover {
  const { store, clock, log, records, stopped } = init;
  const inFlight = new Map<ContextId, Promise<void>>();

  const save = async (record: UpgradeRecord): Promise<void> => {
    // In memory first: whoever changes it next has to see it. What the disk misses is found out again from the contexts.
    records.set(record.groupId, record);
    await store.apply([recordRow(record)]);
    tellProgress(init.events, record);
  };

  const refresh = (record: UpgradeRecord): UpgradeRecord => refreshedBy(init, record);

  /** One try; false where another may follow. */
  const attempt = async (groupId: GroupId, contextId: ContextId, attempts: number): Promise<boolean> => {
    const open = records.get(groupId);
    const at = open?.moves.find((each) => each.contextId === contextId);
    if (open === undefined || !isOpen(open) || at?.state !== "waiting") return true;
    const truth = refresh(open);
    if (truth !== open) {
      await save(truth);
      return attempt(groupId, contextId, attempts);
    }
    const tries = at.attempts + 1;
    let move: ContextMove = { contextId, state: "done", attempts: tries };
    try {
      if ((await init.applications.get(open.to, open.toVersion)) === undefined) throw NOT_HERE;
      await init.updateContext(contextId, targetOf(open));
    } catch (thrown) {
      if (isWaiting(thrown, open)) {
        const error = messageOf(thrown);
        if (at.error !== error) await save(moved(records.get(groupId) ?? open, { ...at, error }, clock.now()));
        return false;
      }
      const state = tries < attempts ? "waiting" : "failed";
      move = { contextId, state, attempts: tries, error: whyOf(thrown) };
      log.warn({ err: thrown, group: groupId, context: contextId, tries }, "a context could not be moved");
    }
    // Somebody may have aborted meanwhile: what was moved stays moved, and the record says so.
    await save(moved(records.get(groupId) ?? open, move, clock.now()));
    return move.state !== "waiting";
  };

  const tryAll = async (groupId: GroupId, contextId: ContextId, attempts: number): Promise<void> => {
    for (let wait = MOVE_BACKOFF_MS; !stopped.aborted; wait = Math.min(wait * 2, MAX_BACKOFF_MS)) {
      if ((await attempt(groupId, contextId, attempts)) || attempts === 1) return;
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
    isMoving: (contextId) => inFlight.has(contextId),
    async moveAll(groupId) {
      const record = records.get(groupId);
      const truth = record === undefined ? undefined : refresh(record);
      if (truth !== undefined && truth !== record) await save(truth);
      for (const { contextId, state } of records.get(groupId)?.moves ?? []) {
        if (stopped.aborted) return;
        if (state === "waiting") await move(groupId, contextId, MOVE_ATTEMPTS);
      }
      await store.durable();
    },
  };
}

function tellProgress(events: EventBus, record: UpgradeRecord): void {
  const data = { ...countsOf(record), targetApplicationId: record.to };
  const type = record.completedAtMs === undefined ? "MigrationProgress" : "MigrationCompleted";
  events.publish({ groupId: record.groupId, event: { type, data } });
  if (record.cascadeOf === undefined) return;
  const progress = { ...data, subgroupId: record.groupId };
  events.publish({ groupId: record.cascadeOf, event: { type: "CascadeProgress", data: progress } });
}

const NOT_HERE = new ShoalError("unavailable", "the application has not come here yet");

/** Of an app that said itself what is wrong, its own words. */
function whyOf(thrown: unknown): string {
  const reason = thrown instanceof ExecuteFailure ? thrown.reason : undefined;
  const said = reason?.type === "FunctionCallError" ? reason.failure.data : undefined;
  return (said === undefined ? messageOf(thrown) : new TextDecoder().decode(said)).slice(0, MAX_REASON);
}

/** Who follows is moved by the delta of somebody who may. */
function isWaiting(thrown: unknown, { patienceMs }: UpgradeRecord): boolean {
  if (thrown === NOT_HERE) return true;
  return patienceMs !== undefined && thrown instanceof ShoalError && thrown.code === "permission_denied";
}

function targetOf({ to, toVersion, migrateMethod }: UpgradeRecord): MoveTarget {
  return { applicationId: to, version: toVersion, ...(migrateMethod === undefined ? {} : { migrateMethod }) };
}
