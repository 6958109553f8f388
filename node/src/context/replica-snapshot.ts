/** One moment of a context as another node reads it in pages. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Context } from "../model/context.ts";
import { bytesOf, type ContextId } from "../model/ids.ts";
import { keyOf, prefixRange } from "../storage/keys.ts";
import { guestIndexKey } from "../storage/merkle/row-keys.ts";
import type { Reader } from "../storage/store.ts";
import type { IdItem, IdSet } from "../sync/protocols/contract.ts";
import { createIdSet } from "../sync/protocols/id-set.ts";
import { readIds } from "./id-sets.ts";
import { timeOf } from "./known.ts";
import type { ContextParts } from "./parts.ts";
import { EMPTY_ROOT, readContext } from "./registry.ts";
import type { ReplicaSnapshot, ReplicaSummary, SnapshotBoundary, StateRow } from "./replica.ts";

/** A guest writes the index of its context with its first commit. */
export function layoutOf(reader: Pick<Reader, "get">, context: Context): ReplicaSummary["layout"] {
  const id = bytesOf(context.id);
  if (reader.get("state", keyOf(id, guestIndexKey(id))) !== undefined) return "guest";
  return context.rootHash === EMPTY_ROOT && context.dagHeads.length === 0 ? "empty" : "host";
}

/** Rejects `not_found`, and `unavailable` where the context waits for its first state and `isToHave` one. */
export async function openSnapshot(parts: ContextParts, id: ContextId, isToHave: boolean): Promise<ReplicaSnapshot> {
  const kept = await parts.idSets.of(id);
  const snapshot = parts.store.snapshot();
  try {
    const context = readContext(snapshot, id);
    if (context === undefined) throw new ShoalError("not_found", `no context ${id} here`, { field: "contextId" });
    if (isToHave && !context.isInitialized) {
      throw new ShoalError("unavailable", "the context waits for its first state itself");
    }
    const prefix = bytesOf(id);
    // A batch can be read a moment before the set hears of it, and after a first state there is another set.
    const ids = kept.size < (context.deltas ?? 0) ? await readIds(snapshot, id, createIdSet()) : kept;
    const appKey = context.appKey ?? (await installedKey(parts, context));
    return {
      boundary: boundaryOf(snapshot, context, appKey),
      get: (key) => snapshot.get("state", keyOf(prefix, key)),
      rows: (after, bytes) => rowsAfter(snapshot, prefix, after, bytes),
      ids: (after, limit) => idsAfter(snapshot, prefix, ids, after, limit),
      [Symbol.dispose]: () => snapshot[Symbol.dispose](),
    };
  } catch (thrown) {
    snapshot[Symbol.dispose]();
    throw thrown;
  }
}

/** Of what it was made with nothing but the application itself tells the blob. */
async function installedKey({ applications }: ContextParts, { applicationId, version }: Context): Promise<string> {
  const application = await applications.get(applicationId, version);
  return application === undefined ? "" : Buffer.from(bytesOf(application.blob)).toString("hex");
}

function boundaryOf(reader: Reader, context: Context, appKey: string): SnapshotBoundary {
  const heads = context.dagHeads.map((head) => {
    const body = reader.get("delta", keyOf(bytesOf(context.id), bytesOf(head)));
    if (body === undefined) throw new ShoalError("internal", `the body of the head ${head} is not here`);
    return body;
  });
  return {
    root: context.rootHash,
    heads,
    layout: layoutOf(reader, context),
    deltas: context.deltas ?? 0,
    applicationId: context.applicationId,
    version: context.version,
    appKey,
    ...(context.moved === undefined ? {} : { moved: context.moved }),
    service: context.service,
  };
}

async function rowsAfter(
  reader: Reader,
  prefix: Uint8Array,
  after: Uint8Array | undefined,
  bytes: number,
): Promise<readonly StateRow[]> {
  const rows: StateRow[] = [];
  let gathered = 0;
  const range = prefixRange(prefix);
  // The least key after one ends with a zero more.
  const gte = after === undefined ? prefix : keyOf(prefix, after, Uint8Array.of(0));
  for await (const [key, value] of reader.scan("state", { ...range, gte })) {
    rows.push({ key: Uint8Array.from(key.subarray(prefix.length)), value: Uint8Array.from(value) });
    gathered += key.length + value.length;
    if (gathered >= bytes) break;
  }
  return rows;
}

/** The set goes on growing; what is not in the snapshot came later. */
function idsAfter(
  reader: Reader,
  prefix: Uint8Array,
  ids: IdSet,
  after: IdItem | undefined,
  limit: number,
): readonly IdItem[] {
  const found: IdItem[] = [];
  for (const item of ids.items(after)) {
    if (found.length >= limit) break;
    if (after !== undefined && Buffer.compare(item.id, after.id) === 0) continue;
    if (timeOf(reader, prefix, item.id) !== undefined) found.push(item);
  }
  return found;
}
