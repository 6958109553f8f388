/**
 * Upgrades of groups: one signed op says which application the group runs and by which migration; whoever comes first by the
 * group's policy moves a context, and the delta of that moves it everywhere (README.md). Status is node-local.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { days, milliseconds } from "@shoal/shared/base/time.ts";
import type { ContextId, GroupId, PublicKey } from "../../model/ids.ts";
import type { KeyPair } from "../../model/keys.ts";
import type { EventBus } from "../../model/event.ts";
import type { Change } from "../ledger.ts";
import { recordsOf } from "./arrived.ts";
import { abortUpgrade, beginUpgrade, type BeginInit, type UpgradeInput } from "./begin.ts";
import { createMover, type Mover, type MoverInit } from "./mover.ts";
import { momentOf } from "./policy.ts";
import { refreshedBy } from "./refresh.ts";
import { again, countsOf, isOpen, readRecords, settled, type UpgradeRecord } from "./record.ts";

export interface Upgrades {
  /**
   * Sets the group's application and moves its contexts by policy. Resolves when the op is stored, not when contexts have
   * moved. `conflict` while an upgrade is open or where the target is older; `permission_denied` for another signer's.
   */
  upgrade(input: UpgradeInput): Promise<UpgradeRecord>;
  /** undefined where the group was never upgraded here. */
  status(groupId: GroupId): UpgradeRecord | undefined;
  /** The group's and those that came with it. */
  cascade(groupId: GroupId): readonly UpgradeRecord[];
  /** Moves what waits or failed, now. `not_found` without an open upgrade. */
  retry(groupId: GroupId): Promise<UpgradeRecord>;
  /** Back to the application before, for contexts that have not moved; those that have stay. */
  abort(groupId: GroupId, requester?: PublicKey): Promise<UpgradeRecord>;
  /** Moves a context whose group's policy is LazyOnAccess, before it is used; one that cannot be moved goes on as it was. */
  beforeUse(contextId: ContextId): Promise<void>;
  /** After each change of a log: follows upgrades that others began. */
  arrived(change: Change): void;
  /** Goes on with what was open when the node stopped. */
  resume(): void;
  /** Resolves when nothing moves any more. */
  close(): Promise<void>;
}

export type UpgradesInit = Omit<MoverInit, "records" | "stopped"> &
  Omit<BeginInit, "records"> & { readonly account: Pick<KeyPair, "publicKey"> };

const LONGEST_WAIT = days(1);

/** Runs the moves of each group, one run at a time: asked again meanwhile, another follows it. */
function createRuns(init: UpgradesInit, records: Map<GroupId, UpgradeRecord>, mover: Mover, stopped: AbortSignal) {
  const { clock, log } = init;
  const running = new Map<GroupId, Promise<void>>();

  const run = async (groupId: GroupId): Promise<void> => {
    const record = records.get(groupId);
    if (record === undefined || !isOpen(record) || stopped.aborted) return;
    const moment = momentOf(record, clock.now());
    if (moment === "on_access" || moment === "on_word") return;
    if (moment === "now") return mover.moveAll(groupId);
    // Not waited for: a word before the deadline has to find the way free. No timer runs for longer than a day: then it is
    // asked again.
    const wait = milliseconds(Math.min(moment.atMs - clock.now(), LONGEST_WAIT));
    void clock.sleep(wait, stopped).then(
      () => start(groupId),
      () => undefined,
    );
  };

  const start = (groupId: GroupId): void => {
    const before = running.get(groupId) ?? Promise.resolve();
    const next = before
      .then(() => run(groupId))
      .catch((thrown: unknown) => {
        log.error({ err: thrown, group: groupId }, "an upgrade stopped; it goes on at the next start");
      });
    running.set(groupId, next);
    void next.then(() => running.get(groupId) === next && running.delete(groupId));
  };

  return { start, settled: async () => void (await Promise.all(running.values())) };
}

function first([own]: readonly UpgradeRecord[]): UpgradeRecord {
  if (own === undefined) throw new ShoalError("internal", "an upgrade left no record");
  return own;
}

function requireOpen(record: UpgradeRecord | undefined): UpgradeRecord {
  if (record !== undefined && isOpen(record)) return record;
  throw new ShoalError("not_found", "the group has no upgrade under way", { field: "groupId" });
}

function tellBegun(events: EventBus, record: UpgradeRecord): void {
  const data = { targetApplicationId: record.to, ...countsOf(record) };
  const type = isOpen(record) ? "MigrationStarted" : "MigrationCompleted";
  events.publish({ groupId: record.groupId, event: { type, data } });
}

export async function createUpgrades(init: UpgradesInit): Promise<Upgrades> {
  const { store, ledger, clock, events } = init;
  const records = await readRecords(store);
  const stop = new AbortController();
  const mover = createMover({ ...init, records, stopped: stop.signal });
  const runs = createRuns(init, records, mover, stop.signal);
  const current = (groupId: GroupId): UpgradeRecord | undefined => {
    const record = records.get(groupId);
    return record === undefined ? undefined : refreshedBy(init, record);
  };
  const open = (groupId: GroupId): UpgradeRecord => requireOpen(current(groupId));
  const follow = (record: UpgradeRecord): void => {
    mover
      .save(record)
      .then(() => runs.start(record.groupId))
      .catch((err: unknown) => init.log.error({ group: record.groupId, err }, "an upgrade was not followed"));
  };
  // A context that somebody else's delta moved, or that came here as it was elsewhere.
  const unsubscribe = events.subscribe((told) => {
    if (!("contextId" in told) || told.event.type !== "AppVersionChanged" || mover.isMoving(told.contextId)) return;
    const groupId = ledger.groupOf(told.contextId);
    const record = groupId === undefined ? undefined : current(groupId);
    if (record !== undefined && record !== records.get(record.groupId)) follow(record);
  });
  return {
    async upgrade(input) {
      const written = await beginUpgrade({ ...init, records }, input);
      for (const record of written) {
        tellBegun(events, record);
        runs.start(record.groupId);
      }
      return first(written);
    },
    status: current,
    cascade: (groupId) =>
      [...records.values()]
        .filter((each) => each.groupId === groupId || each.cascadeOf === groupId)
        .flatMap((each) => current(each.groupId) ?? []),
    async retry(groupId) {
      const record = settled(again(open(groupId)), clock.now());
      await mover.save(record);
      await store.durable();
      runs.start(groupId);
      return record;
    },
    abort: (groupId, requester) => abortUpgrade({ ...init, records }, open(groupId), requester),
    async beforeUse(contextId) {
      const groupId = ledger.groupOf(contextId);
      const known = groupId === undefined ? undefined : records.get(groupId);
      if (known === undefined || groupId === undefined || !isOpen(known)) return;
      if (momentOf(known, clock.now()) !== "on_access") return;
      const record = current(groupId) ?? known;
      if (record !== known) await mover.save(record);
      const waits = record.moves.some((move) => move.contextId === contextId && move.state === "waiting");
      if (waits) await mover.move(groupId, contextId, 1);
    },
    arrived(change) {
      const parts = { account: init.account.publicKey, records, store, nowMs: clock.now() };
      for (const record of recordsOf(change, parts)) follow(record);
    },
    resume() {
      for (const record of records.values()) if (isOpen(record)) runs.start(record.groupId);
    },
    async close() {
      stop.abort();
      unsubscribe();
      await runs.settled();
    },
  };
}
