/**
 * One pass of one cluster and shard: observe what changed outside, see which rows changed inside, decide, and apply. It costs
 * what changed, not what exists: a pass that finds nothing writes nothing. Everything is written in the transaction that
 * holds the lease; pods that nobody wants are deleted before it commits, since deleting twice harms nobody.
 */
import { messageOf } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { minutes } from "@shoal/shared/base/time.ts";
import { reconcile, type ReconcileAction, type ReconcileVerb } from "@shoal/shared/decide/reconcile.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Pods } from "@shoal/shared/ports/pods.ts";
import type { Queue } from "@shoal/shared/ports/queue.ts";
import type { Database, Tx } from "../store/database.ts";
import { drainingHosts } from "../store/observed/hosts.ts";
import { countPods, podsOfProcessors } from "../store/observed/pods.ts";
import { changedSince, differing, touchedByHosts } from "../store/passes/changed.ts";
import { leasePass } from "../store/passes/lease.ts";
import { endPass, readPass, type PassState } from "../store/passes/pass.ts";
import { knockProcessors } from "../store/tasks/knock-processors.ts";
import { casesOf } from "./cases.ts";
import { observe, type Seen } from "./observe.ts";

export interface OrchestratorInit {
  /** A login that may become `shoal_worker`. */
  readonly database: Pick<Database, "asWorker" | "workerStatement">;
  readonly pods: Pick<Pods, "observePods" | "observeHosts" | "delete">;
  readonly queue: Queue;
  readonly clock: Pick<Clock, "monotonic">;
  readonly log: Log;
}

export interface PassOptions {
  readonly clusterId: string;
  readonly shard: number;
  /** Decides and tells, and changes nothing. */
  readonly dryRun?: boolean;
}

export type PassResult =
  /** Another pass is at it. */
  | { readonly kind: "busy" }
  | {
      readonly kind: "done";
      /** Everything was compared, not only what changed. */
      readonly complete: boolean;
      /** Processors that were looked at. */
      readonly looked: number;
      readonly actions: readonly ReconcileAction[];
      /** Whether anything was written. */
      readonly wrote: boolean;
      readonly tookMs: number;
    };

/** Drift that no watch told of is looked for this often. */
const FULL_EVERY_MS = minutes(10);
/** A cursor that stands still grows too old for a watch to start from. */
const MOVE_EVERY_MS = minutes(4);

export function createOrchestrator(init: OrchestratorInit): { pass(options: PassOptions): Promise<PassResult> } {
  return { pass: (options) => runPass(init, options) };
}

async function runPass(init: OrchestratorInit, options: PassOptions): Promise<PassResult> {
  const began = init.clock.monotonic();
  const result = await (options.dryRun === true ? rehearse(init, options) : perform(init, options));
  if (result === undefined) return { kind: "busy" };
  if (result.actions.some(({ verb }) => KNOCKS[verb]) && options.dryRun !== true)
    await init.queue.wake({ queue: "dispatch", data: {} }).catch((thrown: unknown) => {
      init.log.warn({ err: thrown }, `the dispatcher was not woken, the sweep will see to it: ${messageOf(thrown)}`);
    });
  return { kind: "done", ...result, tookMs: init.clock.monotonic() - began };
}

/** It deletes pods inside of the transaction, so the transaction is not run twice. */
const perform = (init: OrchestratorInit, options: PassOptions): Promise<Work | undefined> =>
  init.database.asWorker((tx) => within(tx, init, options), { retry: false });

/**
 * Rolled back whatever it found: what was observed must not count as known, or the pass that acts would see no change. It ends
 * by an error, since that is how a transaction is rolled back.
 */
async function rehearse(init: OrchestratorInit, options: PassOptions): Promise<Work | undefined> {
  const end = new Error("a dry run is rolled back");
  let found: Work | undefined;
  await init.database
    .asWorker(async (tx) => {
      found = await within(tx, init, options);
      throw end;
    })
    .catch((thrown: unknown) => {
      if (thrown !== end) throw thrown;
    });
  return found;
}

type Work = Omit<Extract<PassResult, { kind: "done" }>, "kind" | "tookMs">;

async function within(tx: Tx, init: OrchestratorInit, options: PassOptions): Promise<Work | undefined> {
  const { clusterId, shard } = options;
  if (!(await leasePass(tx, clusterId, shard))) return undefined;
  const state = await readPass(tx, clusterId, shard);
  const full = state.fullMs > FULL_EVERY_MS;
  const seen = await observe(tx, init.pods, clusterId, {
    pods: full ? undefined : state.podsVersion,
    hosts: full ? undefined : state.hostsVersion,
  });
  const complete = full || seen.complete;
  const changed = await changedSince(tx, clusterId, state.changeCursor);
  const ids = new Set([
    ...changed,
    ...seen.processorIds,
    ...(await touchedByHosts(tx, clusterId, seen.hostNames)),
    ...(complete ? await differing(tx, clusterId) : []),
  ]);
  const actions = ids.size === 0 ? [] : await decide(tx, init, clusterId, [...ids], seen.hostNames.length > 0);
  if (options.dryRun === true) return { complete, looked: ids.size, actions, wrote: false };
  const doubt = await apply(tx, init, actions);
  // An old transaction that is still running holds the cursor where it is: the same rows are looked at again, unwritten.
  const moved = changed.length > 0 && state.xmin !== state.changeCursor;
  const acted = seen.wrote || actions.some(({ verb }) => KNOCKS[verb]) || doubt;
  if (moved || acted || complete || mustMove(state, seen))
    await endPass(tx, clusterId, shard, {
      changeCursor: state.xmin,
      podsVersion: seen.podsVersion,
      hostsVersion: seen.hostsVersion,
      full: doubt ? "doubt" : complete ? "compared" : "unchanged",
    });
  return { complete, looked: ids.size, actions, wrote: moved || acted };
}

/** Verbs that make the dispatcher look at the processor. */
const KNOCKS: Record<ReconcileVerb, boolean> = { create: true, replace: true, adopt: true, delete: false, hold: false };

async function decide(
  tx: Tx,
  { database, log }: OrchestratorInit,
  clusterId: string,
  ids: readonly string[],
  hostsChanged: boolean,
): Promise<readonly ReconcileAction[]> {
  const pods = await podsOfProcessors(tx, clusterId, ids);
  const cases = await casesOf(database, ids, pods);
  // Counting all pods costs what exists, and only the guard against mass deletion asks for it.
  const unowned = pods.length > 0 && cases.some(({ desired }) => desired === undefined);
  const world = {
    drainingHosts: await drainingHosts(tx, clusterId),
    podsTotal: unowned ? await countPods(tx, clusterId) : pods.length,
  };
  const actions = [...reconcile(cases, world)];
  if (hostsChanged) {
    for (const { processorId, desired } of cases) {
      if (desired?.stage !== "failed") continue;
      actions.push({
        verb: "adopt",
        processorId,
        namespace: desired.namespace,
        podName: undefined,
        podUid: undefined,
        reason: "hosts_changed",
        because: "hosts are others than when it was refused",
      });
    }
  }
  for (const action of actions) {
    const { verb, processorId, podName, reason, because } = action;
    log[levelOf(action)]({ verb, processorId, podName, reason }, because);
  }
  return actions;
}

/** What is held because the database seems to know less than the cluster is for a person to look at. */
function levelOf({ verb, reason }: ReconcileAction): "debug" | "info" | "warn" {
  if (verb !== "hold") return "info";
  return reason === "mass_orphans" || reason === "unknown_epoch" ? "warn" : "debug";
}

const DELETIONS_AT_ONCE = 16;

/** Knocks and deletions. True where a deletion did not work: the next pass has to find that pod again. */
async function apply(tx: Tx, { pods, log }: OrchestratorInit, actions: readonly ReconcileAction[]): Promise<boolean> {
  const knocked = new Set(actions.filter(({ verb }) => KNOCKS[verb]).map(({ processorId }) => processorId));
  await knockProcessors(tx, [...knocked]);
  const unwanted = actions.filter(({ verb }) => verb === "delete").values();
  let doubt = false;
  const remove = async (): Promise<void> => {
    for (const { namespace, podName, podUid } of unwanted) {
      if (podName === undefined) continue;
      await pods.delete(namespace, podName, podUid === undefined ? {} : { uid: podUid }).catch((thrown: unknown) => {
        log.warn({ err: thrown, pod: podName }, `a pod was not deleted: ${messageOf(thrown)}`);
        doubt = true;
      });
    }
  };
  // They share what is left to do.
  await Promise.all(Array.from({ length: DELETIONS_AT_ONCE }, remove));
  return doubt;
}

/** Nothing was seen for long: the versions are moved on all the same, or a watch could not start from them any more. */
function mustMove(state: PassState, seen: Seen): boolean {
  const moved = seen.podsVersion !== state.podsVersion || seen.hostsVersion !== state.hostsVersion;
  return moved && state.movedMs > MOVE_EVERY_MS;
}
