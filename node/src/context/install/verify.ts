/** Whether what was stored aside is the state that its boundary says, and whether the boundary's heads may be believed. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Delta } from "../../dag/delta.ts";
import { bytesOf, idOf, type ContextId, type Hash } from "../../model/ids.ts";
import { keyOf } from "../../storage/keys.ts";
import { verifySteps, type GetRow, type Verification } from "../../storage/merkle/walk.ts";
import type { Reader } from "../../storage/store.ts";
import type { ContextParts } from "../parts.ts";
import { judge, readDelta } from "../receive/judge.ts";
import type { SnapshotBoundary } from "../replica.ts";
import { STAGED, stagedPrefix } from "./staging.ts";

const wrong = (message: string, field: string): ShoalError => new ShoalError("invalid_argument", message, { field });

/**
 * The boundary's heads, each signed by somebody who might write. Throws `invalid_argument` for any that is not, and `unavailable`
 * where governance ops that judging them needs are not here yet.
 */
export function verifiedHeads(
  { governance, clock }: ContextParts,
  contextId: ContextId,
  boundary: SnapshotBoundary,
): readonly Delta[] {
  const nowNs = BigInt(Math.trunc(clock.now())) * 1_000_000n;
  const heads = boundary.heads.map((body) => {
    const read = readDelta(body);
    if ("because" in read) throw wrong(`a head cannot be read: ${read.because}`, "heads");
    const verdict = judge({ rights: governance, nowNs }, contextId, read.delta);
    if (verdict.type === "refuse") throw wrong(`a head is refused: ${verdict.because}`, "heads");
    // A clock that is slow must not keep a node out: what its time is, is no verdict.
    if (verdict.type === "wait" && verdict.until === "governance") {
      throw new ShoalError("unavailable", "a head cannot be judged before governance ops are here");
    }
    return read.delta;
  });
  const ids = new Set(heads.map(({ id }) => idOf<Hash>(id)));
  if (ids.size !== heads.length) throw wrong("a head is named twice", "heads");
  if (heads.some(({ parents }) => parents.some((parent) => ids.has(idOf<Hash>(parent))))) {
    throw wrong("a head builds upon another", "heads");
  }
  const [only] = heads;
  if (heads.length === 1 && only !== undefined && idOf<Hash>(only.expectedRoot) !== boundary.root) {
    throw wrong("the root is not the one that the head's author had", "root");
  }
  // A move from the future would outdo all that come.
  const latest = heads.reduce((most, { hlc }) => (hlc.time > most ? hlc.time : most), 0n);
  if (boundary.moved !== undefined && BigInt(boundary.moved.time) > latest) {
    throw wrong("the context was moved after its heads", "moved");
  }
  return heads;
}

/** Throws `invalid_argument` where the rows stored aside, or the ids, are not the boundary's. */
export async function verifyStaged(
  { store }: ContextParts,
  contextId: ContextId,
  boundary: SnapshotBoundary,
  heads: readonly Delta[],
): Promise<void> {
  const prefix = stagedPrefix(contextId, STAGED.state);
  const verified = await verifyInSteps(store, (key) => store.get("staging", keyOf(prefix, key)), bytesOf(contextId));
  if (!verified.ok) throw wrong(`the state does not hold together at ${verified.where}: ${verified.problem}`, "rows");
  if (idOf<Hash>(verified.root) !== boundary.root) throw wrong("the state has another root than it says", "root");
  const isThere = (id: Uint8Array): boolean =>
    store.get("staging", keyOf(stagedPrefix(contextId, STAGED.id), id)) !== undefined;
  for (const { id, parents } of heads) {
    if (!isThere(id) || !parents.every(isThere)) throw wrong("a head, or a parent of one, is not among the ids", "ids");
  }
}

/** Entities that are verified before others have the thread. */
const PACE = 2000;

async function verifyInSteps(store: Reader, get: GetRow, context: Uint8Array): Promise<Verification> {
  const steps = verifySteps(get, context, PACE);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    // A read that is waited for lets go of the thread.
    for await (const _ of store.scan("staging", { limit: 1 })) break;
  }
}
