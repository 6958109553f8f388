/**
 * The contexts of this node. Their rows are small and asked for at every call, so all of them are kept in memory; the
 * store is the truth, and what is in memory changes only after the batch that says so was applied.
 */
import { z } from "zod";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Context } from "../model/context.ts";
import { bytesOf, idOf, type ContextId, type Hash } from "../model/ids.ts";
import type { Reader, Row, Store } from "../storage/store.ts";

/** The root of a state that nothing was written to: 32 zero bytes. */
export const EMPTY_ROOT = idOf<Hash>(new Uint8Array(32));

const Stored = z.object({
  applicationId: z.string(),
  version: z.string(),
  appKey: z.string().optional(),
  moved: z.object({ time: z.string(), id: z.string() }).optional(),
  service: z.string(),
  rootHash: z.string(),
  dagHeads: z.array(z.string()),
  groupId: z.string(),
  isInitialized: z.boolean(),
  createdAtMs: z.number(),
  deltas: z.number().optional(),
});

export interface ContextRegistry {
  get(id: ContextId): Context | undefined;
  list(): readonly Context[];
  /** The row of a context as it shall be; `set` once the row's batch is applied. */
  row(context: Context): Row;
  removal(id: ContextId): Row;
  set(context: Context): void;
  forget(id: ContextId): void;
}

/** The row of a context as bytes of the store say it; rejects as `loadContexts`. */
export const readContext = (reader: Reader, id: ContextId): Context | undefined => {
  const value = reader.get("meta", bytesOf(id));
  return value === undefined ? undefined : decode(bytesOf(id), value);
};

/** Reads all contexts; rejects `internal` where a row cannot be read, since a context must not silently be missing. */
export async function loadContexts(store: Store): Promise<ContextRegistry> {
  const contexts = new Map<ContextId, Context>();
  for await (const [key, value] of store.scan("meta")) {
    const context = decode(key, value);
    contexts.set(context.id, context);
  }
  return {
    get: (id) => contexts.get(id),
    list: () => [...contexts.values()],
    row: ({ id, ...stored }) => ({
      column: "meta",
      key: bytesOf(id),
      value: new TextEncoder().encode(JSON.stringify(stored)),
    }),
    removal: (id) => ({ column: "meta", key: bytesOf(id), value: undefined }),
    set: (context) => void contexts.set(context.id, context),
    forget: (id) => void contexts.delete(id),
  };
}

function decode(key: Uint8Array, value: Uint8Array): Context {
  const id = idOf<ContextId>(key);
  try {
    // The brands are claims about text that this file wrote.
    return { id, ...Stored.parse(JSON.parse(new TextDecoder().decode(value))) } as unknown as Context;
  } catch (cause) {
    throw new ShoalError("internal", `the row of context ${id} cannot be read`, { cause });
  }
}
