/**
 * Events of deltas from elsewhere whose handlers have still to run here: one row each, stored with the delta and removed in the batch
 * of what the handler changed, so that a handler runs once wherever the node dies. By time, then delta, then place.
 */
import { decodeDelta, type Delta, type DeltaEvent } from "../../dag/delta.ts";
import { bytesOf, idOf, type ContextId, type PublicKey } from "../../model/ids.ts";
import { keyOf, prefixRange, u64Key } from "../../storage/keys.ts";
import type { Reader, Row } from "../../storage/store.ts";
import { secretOf } from "../identities.ts";

const [TIME, ID] = [8, 32];

/** None for a delta of this node's own, wherever it comes from. */
export function dueRows(store: Reader, contextId: ContextId, { id, hlc, author, events }: Delta): readonly Row[] {
  const rows: Row[] = [];
  for (const [place, { handler }] of events.entries()) {
    if (handler === undefined) continue;
    const key = keyOf(bytesOf(contextId), u64Key(hlc.time), id, Uint8Array.of(place >> 8, place & 0xff));
    rows.push({ column: "due", key, value: new Uint8Array() });
  }
  return rows.length === 0 || secretOf(store, contextId, idOf<PublicKey>(author)) !== undefined ? [] : rows;
}

export interface DueEvent {
  readonly key: Uint8Array;
  /** undefined where the delta's body is gone. */
  readonly event: DeltaEvent | undefined;
}

/** The event whose handler is the next to run. */
export async function nextDue(store: Reader, contextId: ContextId): Promise<DueEvent | undefined> {
  for await (const [found] of store.scan("due", { ...prefixRange(bytesOf(contextId)), limit: 1 })) {
    const key = Uint8Array.from(found);
    const at = ID + TIME;
    const body = store.get("delta", keyOf(bytesOf(contextId), key.subarray(at, at + ID)));
    const place = (key[at + ID] ?? 0) * 256 + (key[at + ID + 1] ?? 0);
    return { key, event: body === undefined ? undefined : decodeDelta(body).events[place] };
  }
  return undefined;
}
