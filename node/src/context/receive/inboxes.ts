/** The inboxes of all contexts, made when something arrives; one at a time works on each. */
import { keyedTurns } from "../../actors/keyed-turns.ts";
import { idOf, type ContextId, type Hash } from "../../model/ids.ts";
import type { Reader } from "../../storage/store.ts";
import type { IdItem } from "../../sync/protocols/contract.ts";
import type { Ahead } from "../ahead.ts";
import { Inbox } from "./inbox.ts";

/** A delta that was made here. */
export interface MadeDelta extends IdItem {
  readonly parents: readonly Hash[];
  /** As stored. */
  readonly bytes: Uint8Array;
}

export interface Inboxes {
  /** Works on the inbox alone. Where `work` throws, the inbox is thrown away: its next user reads what is on disk. */
  use<T>(id: ContextId, work: (inbox: Inbox) => Promise<T>): Promise<T>;
  /** As it is, perhaps while somebody works on it. */
  peek(id: ContextId): Inbox | undefined;
  /** A delta of this node is on its way to the disk. Call it in the turn that made it. */
  made(id: ContextId, delta: MadeDelta): void;
  /** They are on disk. */
  arrived(id: ContextId, deltas: readonly IdItem[]): void;
  drop(id: ContextId): void;
}

export function createInboxes(store: Reader, ahead: Pick<Ahead, "deltas">): Inboxes {
  const inboxes = new Map<ContextId, Inbox>();
  const turns = keyedTurns();

  const open = (id: ContextId): Inbox => {
    let inbox = inboxes.get(id);
    if (inbox === undefined) inboxes.set(id, (inbox = new Inbox(store, id, ahead.deltas(id))));
    return inbox;
  };

  return {
    use: (id, work) =>
      turns.run(id, "write", async () => {
        const inbox = open(id);
        try {
          return await work(inbox);
        } catch (thrown) {
          if (inboxes.get(id) === inbox) inboxes.delete(id);
          throw thrown;
        }
      }),
    peek: (id) => inboxes.get(id),
    made(id, { id: bytes, time, parents }) {
      const inbox = inboxes.get(id);
      if (inbox === undefined) return;
      const own = idOf<Hash>(bytes);
      // Whoever built upon it may have been quicker than the disk.
      if (inbox.dag.add({ id: own, parents }).kind === "ready") inbox.dag.applied(own);
      inbox.coming(own, time);
    },
    arrived: (id, deltas) => inboxes.get(id)?.arrived(deltas.map((each) => idOf<Hash>(each.id))),
    drop: (id) => void inboxes.delete(id),
  };
}
