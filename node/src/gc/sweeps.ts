/** The kinds of garbage, each as a generator of bounded steps. */
import type { BlobStore } from "../blobs/blobs.ts";
import { ownerOfKey, referenceRange, blobOfKey, removeReference } from "../blobs/manifest.ts";
import type { ContextClient } from "../clients/context-client.ts";
import { CONTEXT_COLUMNS } from "../context/handlers/collect.ts";
import type { CollectInput, Collected } from "../context/messages.ts";
import { bytesOf, idOf, ID_BYTES, type ContextId } from "../model/ids.ts";
import { successorOf } from "../storage/keys.ts";
import type { Row, Store } from "../storage/store.ts";

export const SWEEPS = ["tombstones", "orphans", "references", "blobs"] as const;
export type Sweep = (typeof SWEEPS)[number];

export interface SweepParts {
  readonly store: Store;
  readonly blobs: Pick<BlobStore, "collectUnreferenced">;
  readonly contexts: Pick<ContextClient, "listContexts" | "collectTombstones" | "collectOrphan">;
}

export type SweepOptions = Pick<CollectInput, "limit" | "beforeNs" | "dryRun">;

/** What one step removed, or would have. */
export type Step = Pick<Collected, "rows" | "bytes">;

export function sweep(parts: SweepParts, which: Sweep, options: SweepOptions): AsyncGenerator<Step> {
  switch (which) {
    case "tombstones":
      return tombstones(parts, options);
    case "orphans":
      return orphans(parts, options);
    case "references":
      return references(parts, options);
    case "blobs":
      return blobs(parts, options);
  }
}

async function* tombstones({ contexts }: SweepParts, options: SweepOptions): AsyncGenerator<Step> {
  for (const { id } of await contexts.listContexts()) {
    let from: Uint8Array | undefined;
    do {
      const step = await contexts.collectTombstones({ id, ...(from === undefined ? {} : { from }), ...options });
      yield step;
      from = step.next;
    } while (from !== undefined);
  }
}

/** Identities that no context has claimed yet stand under this one. */
const UNCLAIMED = Buffer.alloc(ID_BYTES);

async function* orphans({ store, contexts }: SweepParts, options: SweepOptions): AsyncGenerator<Step> {
  const gone = new Set<ContextId>();
  for (const column of CONTEXT_COLUMNS) {
    let from: Uint8Array | undefined = new Uint8Array();
    while (from !== undefined) {
      let context: Uint8Array | undefined;
      // One look per context, however many rows it has.
      for await (const [key] of store.scan(column, { gte: from, limit: 1 })) context = key.slice(0, ID_BYTES);
      if (context === undefined) break;
      from = successorOf(context);
      if (store.get("meta", context) === undefined && !UNCLAIMED.equals(context)) gone.add(idOf<ContextId>(context));
      yield { rows: 0, bytes: 0 };
    }
  }
  for (const id of gone) {
    let isMore = true;
    while (isMore) {
      const step: Collected = await contexts.collectOrphan({ id, limit: options.limit, dryRun: options.dryRun });
      yield step;
      isMore = step.next !== undefined;
    }
  }
}

/** References that go with the context they name. */
const CONTEXT_OWNER = /^(?:context|shared):(.+)$/;

async function* references({ store }: SweepParts, { limit, dryRun }: SweepOptions): AsyncGenerator<Step> {
  let [rows, looked]: [Row[], number] = [[], 0];
  const flush = async (): Promise<Step> => {
    const step = { rows: rows.length, bytes: rows.reduce((sum, { key }) => sum + key.length, 0) };
    if (!dryRun && rows.length > 0) await store.apply(rows);
    [rows, looked] = [[], 0];
    return step;
  };
  for await (const [key] of store.scan("blobs", referenceRange)) {
    const owner = ownerOfKey(key);
    const context = CONTEXT_OWNER.exec(owner)?.[1];
    if (context !== undefined && !isThere(store, context)) {
      rows.push(...removeReference(blobOfKey(key).slice(0, ID_BYTES), owner));
    }
    looked += 1;
    if (looked >= limit) yield await flush();
  }
  yield await flush();
}

function isThere(store: Store, id: string): boolean {
  return store.get("meta", bytesOf(id as ContextId)) !== undefined;
}

async function* blobs({ blobs: held }: SweepParts, { limit, dryRun }: SweepOptions): AsyncGenerator<Step> {
  let isMore = true;
  while (isMore) {
    const { blobs: forgotten, files, bytes, more } = await held.collectUnreferenced({ limit, dryRun });
    yield { rows: forgotten + files, bytes };
    isMore = more;
  }
}
