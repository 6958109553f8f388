/**
 * Deltas from elsewhere: each is judged, put in order, and applied when its parents are; what has to wait is on disk before anybody is
 * told that it was received. What waited for its time or for governance is judged again when that has come.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { milliseconds } from "@shoal/shared/base/time.ts";
import { bytesOf, idOf, type ContextId, type Hash } from "../../model/ids.ts";
import { prefixRange } from "../../storage/keys.ts";
import type { Row } from "../../storage/store.ts";
import type { ContextParts } from "../parts.ts";
import type { ReceivedDeltas } from "../replica.ts";
import { applyReady } from "./apply.ts";
import type { Inbox } from "./inbox.ts";
import { judge, readDelta } from "./judge.ts";
import { Report } from "./report.ts";

/** Deltas that are judged at once: others have their turn in between. */
const CHUNK = 512;
const UPON_REFUSED = "it builds upon a delta that is refused";

export interface Receiver {
  receive(id: ContextId, deltas: readonly Uint8Array[]): Promise<ReceivedDeltas>;
  /** What waits is judged again, and applied where it can be. */
  again(id: ContextId): Promise<void>;
  missing(id: ContextId, limit: number): readonly Hash[];
  stop(): Promise<void>;
}

export function createReceiver(parts: ContextParts): Receiver {
  const stopping = new AbortController();
  const working = new Set<Promise<unknown>>();
  /** Contexts in which something waits for its time. */
  const timers = new Set<ContextId>();

  const tracked = <T>(work: Promise<T>): Promise<T> => {
    working.add(work);
    work.catch(() => undefined).finally(() => working.delete(work));
    return work;
  };

  const work = async (id: ContextId, bodies: readonly Uint8Array[]): Promise<ReceivedDeltas> => {
    if (stopping.signal.aborted) throw new ShoalError("unavailable", "the node is stopping");
    if (parts.registry.get(id) === undefined) {
      throw new ShoalError("not_found", `no context ${id} on this node`, { field: "contextId" });
    }
    const report = new Report();
    await parts.inboxes.use(id, async (inbox) => {
      if (!inbox.isLoaded) await load(parts, id, inbox, report);
      else judgeAgain(parts, id, inbox, report);
      for (let at = 0; at === 0 || at < bodies.length; at += CHUNK) {
        for (const [place, body] of bodies.slice(at, at + CHUNK).entries()) {
          admit(parts, id, inbox, report, at + place, body);
        }
        await applyReady(parts, id, inbox, report);
        await keep(parts, id, inbox, report);
      }
      wake(id, inbox);
      void report.write(inbox.lastWrite);
    });
    await Promise.all(report.writes);
    return report.done();
  };

  const again = async (id: ContextId): Promise<void> => {
    await tracked(work(id, []));
    parts.due.kick(id);
  };

  /** One timer per context, for what is due first. */
  const wake = (id: ContextId, inbox: Inbox): void => {
    const times = inbox.aside().flatMap(([, until]) => (until === "governance" ? [] : [until]));
    if (times.length === 0 || timers.has(id)) return;
    timers.add(id);
    const span = Math.max(1, times.reduce((a, b) => Math.min(a, b)) - parts.clock.now());
    void parts.clock
      .sleep(milliseconds(Math.min(span, MAX_SLEEP_MS)), stopping.signal)
      .finally(() => timers.delete(id))
      .then(() => (parts.registry.get(id) === undefined ? undefined : again(id)))
      .catch((err: unknown) => {
        if (!stopping.signal.aborted) parts.log.warn({ context: id, err }, "waiting deltas could not be judged again");
      });
  };

  return {
    receive: (id, deltas) => tracked(work(id, deltas)),
    again,
    missing(id, limit) {
      const inbox = parts.inboxes.peek(id);
      if (inbox === undefined) return [];
      // What is here and waits for something else is not to be asked for.
      const wanted = inbox.dag.missing(limit + inbox.aside().length) as readonly Hash[];
      return wanted.filter((each) => !inbox.isAside(each)).slice(0, limit);
    },
    async stop() {
      stopping.abort(new ShoalError("unavailable", "the node is stopping"));
      await Promise.allSettled(working);
    },
  };
}

/** A clock that is set meanwhile is noticed within this. */
const MAX_SLEEP_MS = 60_000;

/** What was waiting when the node, or the inbox, went. */
async function load(parts: ContextParts, id: ContextId, inbox: Inbox, report: Report): Promise<void> {
  const gone: Row[] = [];
  for await (const [key, body] of parts.store.scan("pending", prefixRange(bytesOf(id)))) {
    const hash = idOf<Hash>(key.subarray(32));
    if (inbox.dag.isApplied(hash) || !admitSaved(parts, id, inbox, Uint8Array.from(body))) {
      gone.push({ column: "pending", key: Uint8Array.from(key), value: undefined });
    }
  }
  if (gone.length > 0) void report.write(parts.store.apply(gone));
  inbox.isLoaded = true;
}

/** False where it is nothing to keep. */
function admitSaved(parts: ContextParts, id: ContextId, inbox: Inbox, body: Uint8Array): boolean {
  admit(parts, id, inbox, new Report(), 0, body, true);
  const read = readDelta(body);
  return "id" in read && inbox.holds(read.id);
}

function admit(
  parts: ContextParts,
  contextId: ContextId,
  inbox: Inbox,
  report: Report,
  index: number,
  body: Uint8Array,
  isSaved = false,
): void {
  const read = readDelta(body);
  if ("because" in read) return report.refused(index, read.because, true);
  const { delta, id } = read;
  if (inbox.dag.isApplied(id)) return report.known(id);
  if (inbox.holds(id)) return report.held(id, index, true);
  const verdict = judge({ rights: parts.governance, nowNs: nowOf(parts) }, contextId, delta);
  if (verdict.type === "refuse") {
    if (verdict.forEver) inbox.dag.refuse(id);
    return report.refused(index, verdict.because, true);
  }
  inbox.hold(id, body, delta, verdict.type === "wait" ? verdict.until : undefined, isSaved);
  report.held(id, index);
  if (verdict.type === "fit") place(inbox, report, id, delta.parents);
}

function place(inbox: Inbox, report: Report, id: Hash, parents: readonly Uint8Array[]): void {
  const { kind } = inbox.dag.add({ id, parents: parents.map((parent) => idOf<Hash>(parent)) });
  // Refused now or before: it is let go of with all others that are.
  if (kind !== "refused" && kind !== "known") return;
  report.givenUp(id, UPON_REFUSED, false);
  inbox.discard(id);
}

function judgeAgain(parts: ContextParts, contextId: ContextId, inbox: Inbox, report: Report): void {
  const now = parts.clock.now();
  for (const [id, until] of inbox.aside()) {
    if (until !== "governance" && until > now) continue;
    const { delta, body } = inbox.read(id);
    const verdict = judge({ rights: parts.governance, nowNs: nowOf(parts) }, contextId, delta);
    if (verdict.type === "refuse") inbox.dag.refuse(id);
    else inbox.hold(id, body, delta, verdict.type === "wait" ? verdict.until : undefined, true);
    if (verdict.type === "fit") place(inbox, report, id, delta.parents);
  }
}

/** Before anybody is told: what waits is on disk, what was given up is not. */
async function keep(parts: ContextParts, id: ContextId, inbox: Inbox, report: Report): Promise<void> {
  const rows: Row[] = [];
  for (const refused of inbox.dag.takeRefused()) {
    report.givenUp(refused as Hash, UPON_REFUSED, false);
    rows.push(...inbox.release(refused as Hash));
  }
  const before = inbox.dropped;
  rows.push(...inbox.makeRoom());
  if (inbox.dropped > before) {
    parts.log.warn({ context: id, dropped: inbox.dropped - before }, "waiting deltas were dropped for want of room");
    parts.watchers.tell("resync", id);
  }
  rows.push(...inbox.takeDiscarded(), ...inbox.unsaved());
  if (rows.length === 0) return;
  await parts.store.apply(rows);
  inbox.saved();
}

const nowOf = ({ clock }: ContextParts): bigint => BigInt(Math.trunc(clock.now())) * 1_000_000n;
