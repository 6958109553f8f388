/**
 * The node's identifiers. On every face they are base58 of 32 bytes (groups and namespaces: lower-case hex), so that is what
 * they are inside too; bytes appear only where keys, hashes and signatures are made.
 */
import { base58 } from "@scure/base";
import { ShoalError } from "@shoal/shared/base/errors.ts";

declare const idBrand: unique symbol;
type Id<Kind extends string> = string & { readonly [idBrand]: Kind };

/** Ed25519 public key of the context's secret. */
export type ContextId = Id<"context">;
export type ApplicationId = Id<"application">;
/** Content hash of a blob: see `blobs/`. */
export type BlobId = Id<"blob">;
/** Ed25519 public key: an identity within a context, a member of a group, a signer. */
export type PublicKey = Id<"public-key">;
/** A group's or a namespace's 32 bytes in lower-case hex. */
export type GroupId = Id<"group">;
/** 32 bytes: a delta's or an op's content hash, base58. */
export type Hash = Id<"hash">;

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
