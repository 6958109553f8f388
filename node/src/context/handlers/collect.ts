/**
 * Steps of the collector that touch a context. They run in the context's turns, so that what is judged to be garbage cannot
 * have become anything else when it is removed.
 */
import { bytesOf, type ContextId } from "../../model/ids.ts";
import { keyOf, prefixRange } from "../../storage/keys.ts";
import { expiredRows } from "../../storage/merkle/expired.ts";
import type { Column, Row } from "../../storage/store.ts";
import type { Collected, CollectInput } from "../messages.ts";
import type { ContextParts } from "../parts.ts";

const NOTHING: Collected = { rows: 0, bytes: 0 };

/** Columns whose keys begin with a context. */
export const CONTEXT_COLUMNS: readonly Column[] = [
  "state",
  "private",
  "delta",
  "index",
  "identity",
  "pending",
  "known",
  "due",
  "staging",
];

export async function collectTombstones(parts: ContextParts, input: CollectInput): Promise<Collected> {
  if (parts.registry.get(input.id) === undefined) return NOTHING;
  return parts.turns.run(input.id, "write", async () => {
    await parts.ahead.settled(input.id);
    const { store } = parts;
    const prefix = bytesOf(input.id);
    const get = (key: Uint8Array): Uint8Array | undefined => store.get("state", keyOf(prefix, key));
    const expiry = { get, context: prefix, beforeNs: input.beforeNs };
    const range = { ...prefixRange(prefix), gte: keyOf(prefix, input.from ?? new Uint8Array()), limit: input.limit };
    const expired = new Map<string, Uint8Array>();
    let [seen, last] = [0, new Uint8Array()];
    for await (const [key, value] of store.scan("state", range)) {
      const own = key.subarray(prefix.length);
      for (const row of expiredRows(own, value, expiry)) expired.set(Buffer.from(row).toString("hex"), row);
      seen += 1;
      last = Uint8Array.from(own);
    }
    const keys = [...expired.values()].map((key) => keyOf(prefix, key));
    const removed = await remove(
      parts,
      keys.map((key) => ["state", key]),
      input.dryRun,
    );
    // The least key after the last one seen.
    return seen < input.limit ? removed : { ...removed, next: keyOf(last, Uint8Array.of(0)) };
  });
}

export async function collectOrphan(
  parts: ContextParts,
  { id, limit, dryRun }: Pick<CollectInput, "id" | "limit" | "dryRun">,
): Promise<Collected> {
  return parts.turns.run(id, "alone", async () => {
    // Made again in the meantime, from the same seed.
    if (parts.store.get("meta", bytesOf(id)) !== undefined) return NOTHING;
    const found = await rowsOf(parts, id, limit);
    const removed = await remove(parts, found, dryRun);
    return found.length < limit || dryRun ? removed : { ...removed, next: bytesOf(id) };
  });
}

type Found = readonly [column: Column, key: Uint8Array];

async function rowsOf({ store }: ContextParts, id: ContextId, limit: number): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const column of CONTEXT_COLUMNS) {
    if (found.length >= limit) break;
    for await (const [key] of store.scan(column, { ...prefixRange(bytesOf(id)), limit: limit - found.length })) {
      found.push([column, Uint8Array.from(key)]);
    }
  }
  return found;
}

async function remove({ store }: ContextParts, found: readonly Found[], dryRun: boolean): Promise<Collected> {
  let bytes = 0;
  let rows = 0;
  const removals: Row[] = [];
  for (const [column, key] of found) {
    const value = store.get(column, key);
    if (value === undefined) continue;
    rows += 1;
    bytes += key.length + value.length;
    removals.push({ column, key, value: undefined });
  }
  // Nobody waits for a removal to be on disk: one that is lost is made again.
  if (!dryRun && removals.length > 0) await store.apply(removals);
  return { rows, bytes };
}
