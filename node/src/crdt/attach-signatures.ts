/** The signatures of an artifact that was signed after the run, put into the run's rows: no hash changes by it. */
import { decodeEntity, encodeEntity } from "../storage/merkle/entity-row.ts";
import { entityKey, ROW } from "../storage/merkle/row-keys.ts";
import { readStorageDelta } from "./actions.ts";
import type { Rows } from "./contract.ts";

/** `rows`: what the run wrote, keys without the context's prefix. Entries that a guest keeps itself have no such rows and stay as they are. */
export function attachSignatures(rows: Pick<Rows, "get" | "set">, artifact: Uint8Array): void {
  for (const { id, metadata } of readStorageDelta(artifact).actions) {
    const { storage } = metadata;
    if (storage.kind !== "user" || storage.signed === undefined) continue;
    const key = entityKey(ROW.entry, id);
    const row = rows.get(key);
    if (row === undefined) continue;
    const entity = decodeEntity(id, row);
    if (entity.write.updatedAt !== storage.signed.nonce) continue;
    rows.set(key, encodeEntity({ ...entity, write: { ...entity.write, signature: storage.signed.signature } }));
  }
}
