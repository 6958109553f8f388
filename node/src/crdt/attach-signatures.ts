/** The signatures of an artifact that was signed after the run, put into the run's rows: no hash changes by it. */
import { BorshWriter } from "../model/borsh.ts";
import { decodeEntityIndex } from "../storage/merkle/entity-index.ts";
import { decodeEntity, encodeEntity } from "../storage/merkle/entity-row.ts";
import { entityKey, guestIndexKey, ROW } from "../storage/merkle/row-keys.ts";
import { readStorageDelta } from "./actions.ts";
import type { Rows } from "./contract.ts";
import { writeMetadata, type Metadata, type Signed } from "./metadata.ts";

/** `rows`: what the run wrote, keys without the context's prefix. */
export function attachSignatures(rows: Pick<Rows, "get" | "set">, artifact: Uint8Array): void {
  for (const { id, metadata } of readStorageDelta(artifact).actions) {
    const signed = signedOf(metadata);
    if (signed === undefined) continue;
    for (const [key, attach] of [
      [entityKey(ROW.entry, id), toEntity],
      [guestIndexKey(id), toIndex],
    ] as const) {
      const row = rows.get(key);
      const changed = row === undefined ? undefined : attach(id, row, signed);
      if (changed !== undefined) rows.set(key, changed);
    }
  }
}

function signedOf({ storage }: Metadata): Signed | undefined {
  return storage.kind === "public" || storage.kind === "frozen" ? undefined : storage.signed;
}

/** A row of the host's collections; undefined where it is of another write. */
function toEntity(id: Uint8Array, row: Uint8Array, { nonce, signature }: Signed): Uint8Array | undefined {
  const entity = decodeEntity(id, row);
  if (entity.write.updatedAt !== nonce) return undefined;
  return encodeEntity({ ...entity, write: { ...entity.write, signature } });
}

/** An index that a guest wrote; undefined where it is of another write, such as that before a deletion. */
function toIndex(_: Uint8Array, row: Uint8Array, { nonce, signature }: Signed): Uint8Array | undefined {
  const index = decodeEntityIndex(row);
  if (index === undefined) return undefined;
  const { storage } = index.metadata;
  const stored = signedOf(index.metadata);
  if (stored?.nonce !== nonce || storage.kind === "public" || storage.kind === "frozen") return undefined;
  const writer = new BorshWriter();
  writeMetadata(writer, { ...index.metadata, storage: { ...storage, signed: { ...stored, signature } } }, index.layout);
  // Signatures are of one length, signed or not.
  const changed = Uint8Array.from(row);
  changed.set(writer.done(), index.metadataAt);
  return changed;
}
