/** Fetching and handing over what two sets of ids differ by: the same for a context's deltas and a namespace's ops. */
import type { Hash } from "../model/ids.ts";
import { idOf } from "../model/ids.ts";
import type { Difference, IdSet } from "./protocols/contract.ts";
import { startReconciliation } from "./protocols/reconcile.ts";
import type { SyncParts } from "./parts.ts";
import { chunks, frames } from "./bodies.ts";

/** Ids that one session may bring: 32 MB of them. */
const MAX_DIFFERENCE = 1_000_000;

/** What differs, by as many questions as it takes. */
export async function differenceOf(
  { random }: Pick<SyncParts, "random">,
  ids: IdSet,
  ask: (body: Uint8Array) => Promise<Uint8Array>,
): Promise<Difference> {
  const reconciliation = startReconciliation(ids, { key: random.bytes(16), maxDifference: MAX_DIFFERENCE });
  for (let request = reconciliation.request(); request !== undefined; request = reconciliation.request()) {
    reconciliation.answer(await ask(request));
  }
  return reconciliation.difference;
}

/** Asks for bodies until all were answered and hands them on as they come; resolves with how many the peer does not have. */
export async function pull(
  need: readonly Uint8Array[],
  ask: (ids: readonly Hash[]) => Promise<readonly (Uint8Array | undefined)[]>,
  take: (bodies: readonly Uint8Array[]) => Promise<void>,
): Promise<number> {
  let absent = 0;
  const wanted = need.map((id) => idOf<Hash>(id));
  for (let at = 0; at < wanted.length;) {
    const answered = await ask(wanted.slice(at, at + PULLED_AT_ONCE));
    if (answered.length === 0) return absent + wanted.length - at;
    at += answered.length;
    const bodies = answered.filter((body) => body !== undefined);
    absent += answered.length - bodies.length;
    if (bodies.length > 0) await take(bodies);
  }
  return absent;
}

/** Fewer than may be asked for, so that what came is applied while the next is on its way. */
const PULLED_AT_ONCE = 1024;

/** Hands over bodies that the peer lacks, in the frames that hold them. */
export async function push(
  have: readonly Uint8Array[],
  read: (ids: readonly Hash[]) => Promise<readonly (Uint8Array | undefined)[]>,
  hand: (bodies: readonly Uint8Array[]) => Promise<unknown>,
): Promise<number> {
  let handed = 0;
  for (const ids of chunks(have.map((id) => idOf<Hash>(id)))) {
    const bodies = (await read(ids)).filter((body) => body !== undefined);
    for (const group of frames(bodies)) await hand(group);
    handed += bodies.length;
  }
  return handed;
}
