/**
 * Levels one context with one peer, by looking and acting until the peer's live root, asked for again, is ours. Whatever
 * protocol says of itself that it is done, only that comparison counts.
 */
import type { ContextId } from "../model/ids.ts";
import { installFrom } from "./install.ts";
import { levelNamespace } from "./level-namespace.ts";
import { compareStates } from "./level-tree.ts";
import type { SyncParts } from "./parts.ts";
import { choose, type Protocol } from "./protocols/choose.ts";
import { differenceOf, pull, push } from "./pull.ts";
import type { Session } from "./session.ts";
import { MAX_ROUNDS } from "./settings.ts";
import { stateOf } from "./state.ts";

/**
 * `level`: the peer's live root is ours. `wait`: the peer has no state yet, or is no member. `apart`: the same deltas, another root, and nothing
 * levelled them. `moving`: both sides were written to all the time. `stuck`: deltas differ, and neither side could
 * take them: they wait for ops or parents that somebody else has.
 */
export type Levelled = "level" | "wait" | "apart" | "moving" | "stuck";

export interface Outcome {
  readonly levelled: Levelled;
  /** In the order in which they were used. */
  readonly used: readonly Protocol[];
  /** Something new came. */
  readonly changed: boolean;
}

export async function levelContext(parts: SyncParts, session: Session, contextId: ContextId): Promise<Outcome> {
  const namespaceId = parts.governance.namespaceOf(contextId);
  if (namespaceId !== undefined) await levelNamespace(parts, session, namespaceId);
  const right = parts.governance.rightNow(contextId, session.account);
  // What is here is for members, and what is there is worth what a member says.
  if (right === "none") return { levelled: "wait", used: [], changed: false };
  const used: Protocol[] = [];
  let exhausted = false;
  let changed = false;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const theirs = await session.ask("contextState", contextId);
    const mine = await stateOf(parts.contexts, contextId);
    if (mine === undefined) return { levelled: "wait", used, changed };
    const protocol = choose(mine, theirs, exhausted);
    used.push(protocol);
    if (protocol === "none") {
      if (round === 0) parts.counters.add("level_already");
      return { levelled: "level", used, changed };
    }
    if (protocol === "wait" || protocol === "stuck") return { levelled: protocol, used, changed };
    parts.counters.add(protocol);
    if (protocol === "snapshot") {
      await installFrom(parts, session, contextId);
      changed = true;
    } else if (protocol === "deltas") {
      const moved = await exchangeDeltas(parts, session, contextId);
      exhausted = !moved.forward;
      changed ||= moved.came;
    } else {
      // Entities have no author to judge: they are worth what their bringer may write.
      const isTried = used.filter((each) => each === "tree").length > TREES;
      if (isTried || right !== "write") return { levelled: "apart", used, changed };
      parts.counters.add("divergences");
      changed = (await compareStates(parts, session, contextId, mine.layout)) || changed;
    }
  }
  return { levelled: "moving", used, changed };
}

/** Comparisons of trees in one session: one that changed nothing will not the next time either. */
const TREES = 2;

async function exchangeDeltas(
  { contexts, counters, network, random }: SyncParts,
  session: Session,
  contextId: ContextId,
): Promise<{ readonly forward: boolean; readonly came: boolean }> {
  const ids = await contexts.ids(contextId);
  const ask = (body: Uint8Array): Promise<Uint8Array> => session.ask("reconcileDeltas", { contextId, body });
  const { need, have } = await differenceOf({ random }, ids, ask);
  let came = 0;
  await pull(
    need,
    (wanted) => session.ask("deltas", { contextId, ids: wanted }),
    async (deltas) => {
      const { applied, waiting, refused } = await contexts.receive(contextId, deltas);
      came += applied.length + waiting.length;
      const liar = refused.find(({ forged }) => forged);
      if (liar !== undefined) network.report(session.peer, "forged", liar.because);
    },
  );
  let landed = 0;
  const handed = await push(
    have,
    (wanted) => contexts.deltas(contextId, wanted),
    async (deltas) => {
      const { applied, waiting } = await session.ask("pushDeltas", { contextId, deltas });
      landed += applied + waiting;
    },
  );
  counters.add("deltas_pulled", came);
  counters.add("deltas_pushed", handed);
  return { forward: came > 0 || landed > 0, came: came > 0 };
}
