/** The log of one namespace in memory: what it adds up to, where it goes on, and who waits for it. */
import { createIdSet } from "../sync/protocols/id-set.ts";
import type { IdItem, IdSet } from "../sync/protocols/contract.ts";
import { bytesOf, type GroupId, type Hash } from "../model/ids.ts";
import { governanceCrypto } from "./crypto.ts";
import { openHistory, type Added, type History } from "./rules/history.ts";
import type { LoggedOp } from "./rules/op.ts";
import { WaitingRoom } from "./waiting-room.ts";

export class Book {
  readonly namespaceId: GroupId;
  readonly history: History;
  readonly room: WaitingRoom;
  /** In the order of arrival: parents before children, and nothing that arrives is an ancestor of what is here. */
  readonly arrivals: LoggedOp[] = [];
  /** Place of the next row. */
  length = 0;
  /** Latest moment that an op of the log names. */
  latestMs = 0;
  /** Until which moment waiting ops have been looked at. */
  seenUntilMs = 0;
  #ids: IdSet | undefined;

  constructor(namespaceId: GroupId, genesis: Hash | undefined) {
    this.namespaceId = namespaceId;
    this.history = openHistory(governanceCrypto, genesis);
    this.room = new WaitingRoom(namespaceId);
  }

  /** Of all ops of the log; made when it is first asked for. */
  get ids(): IdSet {
    this.#ids ??= createIdSet(this.arrivals.map(itemOf));
    return this.#ids;
  }

  /** Takes an op whose row, at `position`, the store has. */
  take(logged: LoggedOp, position: number): Added {
    this.length = Math.max(this.length, position + 1);
    const added = this.history.add(logged);
    if (added.kind !== "added") return added;
    this.arrivals.push(logged);
    this.latestMs = Math.max(this.latestMs, logged.op.atMs);
    this.#ids?.add(itemOf(logged));
    return added;
  }
}

function itemOf({ hash, op }: LoggedOp): IdItem {
  return { time: BigInt(op.atMs), id: bytesOf(hash) };
}
