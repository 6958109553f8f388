/**
 * Staged rows to where they belong, in bounded batches, each of which takes away what it puts: wherever the node dies, what is left is
 * moved at the next start. Nobody sees the context as having a state before the last batch.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { decodeDelta } from "../../dag/delta.ts";
import { nanosecondsOf } from "../../dag/hlc.ts";
import type { Context } from "../../model/context.ts";
import { bytesOf, idOf, type ApplicationId, type ContextId, type Hash } from "../../model/ids.ts";
import { keyOf, prefixRange } from "../../storage/keys.ts";
import type { Row } from "../../storage/store.ts";
import type { ContextParts } from "../parts.ts";
import { markerRow, readMarker, STAGED, stagedPrefix } from "./staging.ts";

const BATCH_BYTES = 1024 * 1024;

/** Call it in a turn of the context's own, with a marker that says that its rows are moving. On disk when it resolves. */
export async function moveStaged(parts: ContextParts, id: ContextId): Promise<void> {
  const marker = readMarker(parts.store, id);
  const context = parts.registry.get(id);
  if (marker === undefined || context === undefined) throw new ShoalError("internal", "no state is on its way");
  const { boundary } = marker;
  const prefix = bytesOf(id);
  await moveKind(parts, id, STAGED.state, "state");
  await moveKind(parts, id, STAGED.id, "known");
  const heads = boundary.heads.map((body) => ({ body, delta: decodeDelta(body) }));
  const { appKey: _key, moved: _moved, ...rest } = context;
  const next: Context = {
    ...rest,
    ...(boundary.appKey === "" ? {} : { appKey: boundary.appKey }),
    ...(boundary.moved === undefined ? {} : { moved: boundary.moved }),
    applicationId: boundary.applicationId as ApplicationId,
    version: boundary.version,
    service: boundary.service,
    rootHash: boundary.root,
    dagHeads: heads.map(({ delta }) => idOf<Hash>(delta.id)).sort(),
    deltas: boundary.deltas,
    isInitialized: true,
  };
  const bodies = heads.map(({ body, delta }): Row => ({ column: "delta", key: keyOf(prefix, delta.id), value: body }));
  await parts.store.apply([...bodies, parts.registry.row(next), markerRow(id, undefined)]);
  parts.registry.set(next);
  for (const { delta } of heads) {
    parts.hlc.observe(delta.hlc);
    parts.stamps.atLeast(nanosecondsOf(delta.hlc));
  }
  parts.inboxes.drop(id);
  parts.idSets.drop(id);
  parts.watchers.tell("awaited", id);
  await parts.store.durable();
}

async function moveKind(
  { store }: ContextParts,
  id: ContextId,
  kind: number,
  column: "state" | "known",
): Promise<void> {
  const prefix = stagedPrefix(id, kind);
  let rows: Row[] = [];
  let bytes = 0;
  for await (const [found, value] of store.scan("staging", prefixRange(prefix))) {
    const key = Uint8Array.from(found);
    rows.push({ column, key: keyOf(bytesOf(id), key.subarray(prefix.length)), value: Uint8Array.from(value) });
    rows.push({ column: "staging", key, value: undefined });
    bytes += key.length + value.length;
    if (bytes < BATCH_BYTES) continue;
    await store.apply(rows);
    [rows, bytes] = [[], 0];
  }
  if (rows.length > 0) await store.apply(rows);
}

/** Removes what was stored aside. */
export async function discardStaged({ store }: ContextParts, id: ContextId): Promise<void> {
  for (;;) {
    const rows: Row[] = [];
    for await (const [key] of store.scan("staging", { ...prefixRange(bytesOf(id)), limit: 4096 })) {
      rows.push({ column: "staging", key: Uint8Array.from(key), value: undefined });
    }
    if (rows.length === 0) return;
    await store.apply(rows);
  }
}
