/**
 * Which version of its application a context runs: that of the latest move among its deltas, by (time, id). A delta is later than
 * everything that it was made upon, so a move is never undone by one that its author had seen; and since nothing but the set of
 * deltas counts, nodes that have the same deltas run the same version, whatever order they came in.
 */
import type { Delta, Move } from "../dag/delta.ts";
import type { Application } from "../model/application.ts";
import type { Context } from "../model/context.ts";
import { bytesOf, idOf, type ApplicationId, type Hash } from "../model/ids.ts";
import type { IdItem } from "../sync/protocols/contract.ts";

/** What a delta says that moves a context to `application`. */
export function moveTo({ id, version, blob }: Application): Move {
  return { applicationId: bytesOf(id), version, appKey: bytesOf(blob) };
}

/** Whether the move of a delta counts on top of the one that brought the context where it is. */
export function isLaterMove({ time, id }: IdItem, { moved }: Pick<Context, "moved">): boolean {
  if (moved === undefined) return true;
  const before = BigInt(moved.time);
  return time === before ? Buffer.compare(id, bytesOf(moved.id)) > 0 : time > before;
}

/** The context as the move leaves it. */
export function movedBy(context: Context, move: Move, { time, id }: IdItem): Context {
  return {
    ...context,
    applicationId: idOf<ApplicationId>(move.applicationId),
    version: move.version,
    appKey: Buffer.from(move.appKey).toString("hex"),
    moved: { time: time.toString(), id: idOf<Hash>(id) },
  };
}

export const itemOf = ({ id, hlc }: Delta): IdItem => ({ id, time: hlc.time });
