/**
 * The node's identifiers. On every face they are base58 of 32 bytes (groups and namespaces: lower-case hex), so that is what
 * they are inside too; bytes appear only where keys, hashes and signatures are made.
 */
import { base58 } from "@scure/base";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { ApplicationId, BlobId, ContextId, GroupId, Hash, PublicKey } from "@shoal/shared/wire/node/ids.ts";

export type { ApplicationId, BlobId, ContextId, GroupId, Hash, PublicKey };

/** Bytes of every id. */
export const ID_BYTES = 32;

/** The 32 bytes of a base58 id. Ids that come from outside go through `parseBase58` first; this throws `internal` for others. */
export function bytesOf(id: ContextId | ApplicationId | BlobId | PublicKey | Hash): Uint8Array {
  return base58.decode(id);
}

/** A base58 id of 32 bytes; `Kind` is the caller's claim of what they are. */
export function idOf<Kind extends ContextId | ApplicationId | BlobId | PublicKey | Hash>(bytes: Uint8Array): Kind {
  if (bytes.length !== ID_BYTES) throw new ShoalError("internal", `an id has ${ID_BYTES} bytes, not ${bytes.length}`);
  return base58.encode(bytes) as Kind;
}

/** An id that came from outside; throws `invalid_argument` naming `field` where it is not base58 of 32 bytes. */
export function parseBase58<Kind extends ContextId | ApplicationId | BlobId | PublicKey | Hash>(
  text: string,
  field: string,
): Kind {
  // 32 bytes are 32 (all zero) to 44 characters; longer text is refused before it is decoded, which is quadratic.
  if (text.length >= ID_BYTES && text.length <= 44) {
    try {
      if (base58.decode(text).length === ID_BYTES) return text as Kind;
    } catch {
      // Falls through to the one refusal.
    }
  }
  throw new ShoalError("invalid_argument", `expected base58 of ${ID_BYTES} bytes`, { field });
}

/** A group id that came from outside; throws `invalid_argument` naming `field` where it is not 64 hex digits. */
export function parseGroupId(text: string, field: string): GroupId {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return text.toLowerCase() as GroupId;
  throw new ShoalError("invalid_argument", "expected 64 hex digits", { field });
}
