/**
 * What becomes of ops that arrive: which are ready for the log (in an order in which they may be taken), which wait, which are
 * refused. Nothing changes here; the ledger stores the outcome and then follows it.
 *
 * An op that says it was made more than `MAX_DRIFT` in the future waits until it is due, with all that builds upon it: its word
 * on time would push that of every later op ahead, and end invitations early. It is never refused for that, because a verdict by
 * a clock would differ from node to node.
 */
import { messageOf } from "@shoal/shared/base/errors.ts";
import type { GroupId, Hash } from "../model/ids.ts";
import type { Reader } from "../storage/store.ts";
import type { Book } from "./book.ts";
import { governanceCrypto, hashOf } from "./crypto.ts";
import { MAX_DRIFT, type ReceivedOps } from "./replication.ts";
import { checkForm } from "./rules/form.ts";
import type { History } from "./rules/history.ts";
import type { SignedOp } from "./rules/op.ts";
import { parseOp } from "./rules/parse.ts";
import type { Arrived, RoomChange } from "./waiting-room.ts";

type Refused = ReceivedOps["refused"][number];

/** Ops whose form holds, and what was wrong with the others. */
export interface Readable {
  readonly arrived: readonly Arrived[];
  /** Place of each among what was handed in. */
  readonly indexOf: ReadonlyMap<Hash, number>;
  readonly refused: readonly Refused[];
}

/** Of a log that ops arrive for, as it was a moment ago: what is in it already is spared the look at its signatures. */
export function readArrivals(
  namespaceId: GroupId,
  encoded: readonly Uint8Array[],
  history: History | undefined,
): Readable {
  const arrived: Arrived[] = [];
  const indexOf = new Map<Hash, number>();
  const refused: Refused[] = [];
  for (const [index, bytes] of encoded.entries()) {
    let op: SignedOp;
    try {
      op = parseOp(bytes);
    } catch (thrown) {
      refused.push({ index, because: messageOf(thrown) });
      continue;
    }
    const hash = hashOf(op);
    const against = history?.has(hash) === true ? undefined : whyNever(namespaceId, op);
    if (against === undefined) arrived.push({ hash, op, bytes });
    else refused.push({ index, because: against });
    indexOf.set(hash, index);
  }
  return { arrived, indexOf, refused };
}

function whyNever(namespaceId: GroupId, op: SignedOp): string | undefined {
  if (op.namespaceId !== namespaceId) return "the op is of another namespace";
  return checkForm(op, governanceCrypto)?.because;
}

export interface Sorted {
  /** For the log, parents first. */
  readonly ready: readonly Arrived[];
  readonly room: RoomChange;
  readonly known: readonly Hash[];
  readonly waiting: ReceivedOps["waiting"];
}

interface Sorting {
  readonly book: Book;
  readonly store: Reader;
  readonly nowMs: number;
}

/** Sorts what arrived, and what waited for it or for its time. Each op is looked at once for each parent that it waited for. */
export function sortArrivals({ book, store, nowMs }: Sorting, arrived: readonly Arrived[]): Sorted {
  const { history, room } = book;
  const dueMs = nowMs + MAX_DRIFT;
  const known: Hash[] = [];
  const fresh = new Map<Hash, Arrived>();
  for (const one of arrived) {
    if (history.has(one.hash) || fresh.has(one.hash)) known.push(one.hash);
    else fresh.set(one.hash, one);
  }
  const ready = new Map<Hash, Arrived>();
  const children = new Map<Hash, Hash[]>();
  const missingOf = (one: Arrived): readonly Hash[] =>
    one.op.parents.filter((parent) => !history.has(parent) && !ready.has(parent));
  const leave: Hash[] = [];
  const next: Hash[] = [...room.madeBetween(book.seenUntilMs + MAX_DRIFT, dueMs), ...fresh.keys()].toReversed();
  for (let hash = next.pop(); hash !== undefined; hash = next.pop()) {
    const one = fresh.get(hash) ?? (ready.has(hash) ? undefined : room.read(store, hash));
    if (one === undefined || ready.has(hash) || one.op.atMs > dueMs) continue;
    const [missing] = missingOf(one);
    if (missing !== undefined) {
      children.set(missing, [...(children.get(missing) ?? []), hash]);
      continue;
    }
    ready.set(hash, one);
    if (room.has(hash)) leave.push(hash);
    next.push(...(children.get(hash) ?? []), ...room.waitingFor(hash));
  }
  const stay = [...fresh.values()].filter(({ hash }) => !ready.has(hash));
  const left = stay.filter(({ hash }) => !room.has(hash));
  // What waits already is nothing new: whoever counts on it as progress would never come to rest.
  known.push(...stay.filter(({ hash }) => room.has(hash)).map(({ hash }) => hash));
  return {
    ready: [...ready.values()],
    room: { enter: left, leave },
    known,
    waiting: left.map((one) => ({ hash: one.hash, missing: missingOf(one) })),
  };
}
