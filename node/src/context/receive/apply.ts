/**
 * From what is ready to one batch: deltas in causal order, merged in one go in the context's write turn, and stored with the rows
 * that they left, their bodies, the new heads and the new root. A root is what was computed here, whatever the author had.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Delta } from "../../dag/delta.ts";
import { nanosecondsOf } from "../../dag/hlc.ts";
import type { ApplicationModule } from "../../model/application.ts";
import type { Context } from "../../model/context.ts";
import type { AppEvent } from "../../model/event.ts";
import { bytesOf, idOf, type ContextId, type Hash } from "../../model/ids.ts";
import type { MergeDelta, MergeOutcome, MergeRequest } from "../../runtime/contract.ts";
import { keyOf } from "../../storage/keys.ts";
import type { Row } from "../../storage/store.ts";
import type { IdItem } from "../../sync/protocols/contract.ts";
import { knownRow } from "../known.ts";
import { isLaterMove, itemOf, movedBy } from "../moves.ts";
import type { ContextParts } from "../parts.ts";
import { dueRows } from "./due-rows.ts";
import type { Inbox } from "./inbox.ts";
import type { Report } from "./report.ts";

/** Deltas, and bytes of them, that are merged in one turn. */
const MAX_BATCH = 1024;
const MAX_BATCH_BYTES = 4 * 1024 * 1024;

interface Item {
  readonly id: Hash;
  readonly body: Uint8Array;
  readonly delta: Delta;
  readonly parents: readonly Hash[];
  readonly merge: MergeDelta;
}

/** Applies what is ready, batch by batch; what is on its way to the disk is in the report's `writes`. */
export async function applyReady(
  parts: ContextParts,
  contextId: ContextId,
  inbox: Inbox,
  report: Report,
): Promise<void> {
  // Perhaps what they wait for has come.
  inbox.handedOut = [...inbox.awaiting.keys(), ...inbox.handedOut];
  inbox.awaiting.clear();
  while (inbox.handedOut.length > 0 || inbox.dag.isReady) {
    // Whoever reads meanwhile would read the new state with the old version.
    const alone = isMove(inbox, inbox.handedOut[0]);
    const turn = alone ? "alone" : "write";
    if (!(await parts.turns.run(contextId, turn, () => step(parts, contextId, inbox, report, alone)))) return;
  }
}

const isMove = (inbox: Inbox, id: Hash | undefined): boolean =>
  id !== undefined && !inbox.dag.isRefused(id) && inbox.read(id).delta.move !== undefined;

/** False where nothing can be applied now. */
async function step(
  parts: ContextParts,
  contextId: ContextId,
  inbox: Inbox,
  report: Report,
  alone: boolean,
): Promise<boolean> {
  const { ahead, executor } = parts;
  await ahead.room(contextId);
  requireCurrent(parts, contextId, inbox);
  const failures = ahead.failures(contextId);
  const before = ahead.tip(contextId);
  if (before?.isInitialized !== true) return false;
  const batch = take(inbox, report, alone);
  const [first] = batch;
  // What comes next may need a turn of its own.
  if (first === undefined) return inbox.handedOut.length > 0;
  const tip = first.delta.move === undefined ? before : await movedTip(parts, before, first.delta);
  const module = tip === undefined ? undefined : await moduleOf(parts, tip);
  if (tip === undefined || module === undefined) {
    if (first.delta.move !== undefined) {
      inbox.awaiting.set(first.id, first.delta.move);
      parts.watchers.tell("awaited", contextId);
    } else inbox.handedOut = [...batch.map(({ id }) => id), ...inbox.handedOut];
    return first.delta.move !== undefined;
  }
  let outcome;
  try {
    const deltas = batch.map(({ merge }) => merge);
    outcome = await executor.merge({ ...mergeRequest(parts, tip, module), deltas });
  } catch (thrown) {
    if (!(thrown instanceof ShoalError && thrown.code === "deadline_exceeded")) throw thrown;
    afterTimeout(parts, inbox, batch, report, thrown);
    return true;
  }
  // What they were merged into never came to be.
  if (ahead.failures(contextId) !== failures) throw notStored();
  requireCurrent(parts, contextId, inbox);
  store(parts, inbox, tip, batch, outcome, report);
  if (tip === before) return true;
  // Before anybody else has a turn: the version that calls run is the one that the disk has.
  await inbox.lastWrite;
  if (parts.registry.get(contextId)?.moved?.id === first.id) tellMoved(parts, before, tip);
  return true;
}

/** The context as a move makes it. Where it is not the latest, it changes the state alone. */
async function movedTip(parts: ContextParts, tip: Context, delta: Delta): Promise<Context> {
  await parts.ahead.settled(tip.id);
  const item = itemOf(delta);
  return delta.move !== undefined && isLaterMove(item, tip) ? movedBy(tip, delta.move, item) : tip;
}

function tellMoved({ events, log }: ContextParts, before: Context, { id, version }: Context): void {
  log.info({ context: id, from: before.version, to: version }, "context was moved by another node");
  events.publish({
    contextId: id,
    event: { type: "AppVersionChanged", fromVersion: before.version, toVersion: version },
  });
}

const notStored = (): ShoalError => new ShoalError("unavailable", "the state could not be stored");

/** A batch of it was lost: it takes for applied what is not. Whoever handed deltas in hears so, and asks again. */
function requireCurrent(parts: ContextParts, contextId: ContextId, inbox: Inbox): void {
  if (parts.inboxes.peek(contextId) !== inbox) throw notStored();
}

/** A request without its deltas, out of the node's own facts. */
export function mergeRequest(
  parts: ContextParts,
  tip: Context,
  module: ApplicationModule,
): Omit<MergeRequest, "deltas"> {
  const account = bytesOf(parts.account.publicKey);
  return {
    context: bytesOf(tip.id),
    module: module.prepared,
    executor: account,
    device: account,
    nowNs: parts.stamps.next(),
    seed: parts.random.bytes(32),
    limits: parts.limits,
    ahead: parts.ahead.rows(tip.id),
    root: bytesOf(tip.rootHash),
  };
}

/** undefined where the application is not here: deltas wait for it. */
async function moduleOf(
  { applications }: ContextParts,
  { applicationId, version, service }: Context,
): Promise<ApplicationModule | undefined> {
  const application = await applications.get(applicationId, version);
  return application?.modules.find((one) => one.service === service);
}

/** The next batch in causal order; `alone`: it may be a move. What is dated before its parents is refused on the way. */
function take(inbox: Inbox, report: Report, alone: boolean): readonly Item[] {
  const batch: Item[] = [];
  const places = new Map<string, number>();
  const left = [...inbox.handedOut];
  const limit = inbox.isCautious ? 1 : MAX_BATCH;
  let bytes = 0;
  while (batch.length < limit && bytes < MAX_BATCH_BYTES) {
    const leftover = left.shift();
    const id = leftover ?? (inbox.dag.next()?.id as Hash | undefined);
    if (id === undefined) break;
    // Given up with what it was to follow.
    if (inbox.dag.isRefused(id)) continue;
    const { body, delta } = inbox.read(id);
    // A move is a batch of its own: what stands before it is merged by the old version, what follows by the new one.
    if (delta.move !== undefined && !(alone && batch.length === 0)) {
      left.unshift(id);
      break;
    }
    const parents = delta.parents.map((parent) => idOf<Hash>(parent));
    const times = parents.map(
      (parent) => batch[places.get(parent) ?? -1]?.delta.hlc.time ?? inbox.timeOf(parent) ?? 0n,
    );
    const latest = times.reduce((a, b) => (a > b ? a : b), 0n);
    if (delta.hlc.time <= latest) {
      refuse(inbox, report, id, "its time is not after that of what it builds upon", true);
      continue;
    }
    const upon = parents.flatMap((parent) => places.get(parent) ?? []);
    const window = {
      ...(parents.length === 0 ? {} : { afterNs: nanosecondsOf({ ...delta.hlc, time: latest }) }),
      untilNs: nanosecondsOf(delta.hlc),
    };
    places.set(id, batch.length);
    batch.push({ id, body, delta, parents, merge: { artifact: delta.artifact, ...window, upon } });
    bytes += body.length;
    if (delta.move !== undefined) break;
    if (leftover === undefined) inbox.dag.pass(id);
  }
  inbox.handedOut = left;
  return batch;
}

function refuse(inbox: Inbox, report: Report, id: Hash, because: string, forged: boolean): void {
  report.givenUp(id, because, forged);
  inbox.dag.refuse(id);
}

/** The thread was killed: again one by one, until the one that does it is found and given up. */
function afterTimeout(
  { log }: ContextParts,
  inbox: Inbox,
  batch: readonly Item[],
  report: Report,
  thrown: ShoalError,
): void {
  inbox.isCautious = true;
  const [first] = batch;
  if (first !== undefined && batch.length === 1) {
    log.warn({ delta: first.id, err: thrown }, "a delta is given up: merging it does not end");
    refuse(inbox, report, first.id, thrown.message, false);
  } else inbox.handedOut = [...batch.map(({ id }) => id), ...inbox.handedOut];
  if (inbox.handedOut.length === 0) inbox.isCautious = false;
}

function store(
  parts: ContextParts,
  inbox: Inbox,
  tip: Context,
  batch: readonly Item[],
  { results, rows: merged }: MergeOutcome,
  report: Report,
): void {
  const context = bytesOf(tip.id);
  const heads = new Set<Hash>(tip.dagHeads);
  const rows: Row[] = [...merged];
  const applied: IdItem[] = [];
  const events: AppEvent[] = [];
  let root = tip.rootHash;
  for (const [at, result] of results.entries()) {
    const item = batch[at];
    if (item === undefined) break;
    const { id, delta, body, parents } = item;
    if ("refused" in result) {
      refuse(inbox, report, id, result.refused, result.forged);
      continue;
    }
    root = idOf<Hash>(result.root);
    compareRoots(parts, tip.id, item, heads, root);
    for (const parent of parents) heads.delete(parent);
    heads.add(id);
    const known = { id: delta.id, time: delta.hlc.time };
    inbox.dag.applied(id);
    inbox.coming(id, known.time);
    parts.hlc.observe(delta.hlc);
    parts.stamps.atLeast(nanosecondsOf(delta.hlc));
    applied.push(known);
    events.push(...delta.events);
    rows.push({ column: "delta", key: keyOf(context, delta.id), value: body }, knownRow(context, known));
    rows.push(...dueRows(parts.store, tip.id, delta), ...inbox.release(id));
    report.applied(id);
  }
  if (results.length === 0) throw new ShoalError("internal", "a merge came back without a result");
  inbox.handedOut = [...batch.slice(results.length).map(({ id }) => id), ...inbox.handedOut];
  if (inbox.handedOut.length === 0) inbox.isCautious = false;
  if (applied.length === 0) return;
  const next: Context = {
    ...tip,
    rootHash: root,
    dagHeads: [...heads].sort(),
    deltas: (tip.deltas ?? 0) + applied.length,
  };
  const there = (): void => {
    parts.inboxes.arrived(tip.id, applied);
    parts.idSets.add(tip.id, applied);
    parts.events.publish({ contextId: tip.id, event: { type: "StateMutation", newRoot: root, events } });
    parts.due.kick(tip.id);
  };
  inbox.lastWrite = report.write(
    parts.ahead.append(next, [...rows, parts.registry.row(next)], there).catch((thrown: unknown) => {
      parts.inboxes.drop(tip.id);
      throw thrown;
    }),
  );
}

/** Where the author had exactly what is here, its root has to be ours; if it is not, that is told and nothing is bent. */
function compareRoots(
  { watchers }: ContextParts,
  contextId: ContextId,
  { id, delta, parents }: Item,
  heads: ReadonlySet<Hash>,
  found: Hash,
): void {
  if (parents.length !== heads.size || !parents.every((parent) => heads.has(parent))) return;
  const expected = idOf<Hash>(delta.expectedRoot);
  if (expected !== found) watchers.tell("divergence", { contextId, delta: id, expected, found });
}
