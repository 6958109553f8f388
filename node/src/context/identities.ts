/** Key pairs known to a context: `context ‖ public key` to the secret where it is ours. */
import { keyOf, prefixRange } from "../storage/keys.ts";
import type { ContextIdentity } from "../model/context.ts";
import { bytesOf, idOf, type ContextId, type PublicKey } from "../model/ids.ts";
import type { Reader, Row } from "../storage/store.ts";

/** Keys that were made but belong to no context yet stand under 32 zero bytes. */
const UNCLAIMED = new Uint8Array(32);

/** `secret`: 32-byte Ed25519 seed; without it the identity is somebody else's. */
export function identityRow(context: ContextId | undefined, publicKey: PublicKey, secret?: Uint8Array): Row {
  return { column: "identity", key: identityKey(context, publicKey), value: secret ?? new Uint8Array() };
}

export function identityRemoval(context: ContextId | undefined, publicKey: PublicKey): Row {
  return { column: "identity", key: identityKey(context, publicKey), value: undefined };
}

/** The seed of an identity that is ours; undefined for any other. */
export function secretOf(store: Reader, context: ContextId | undefined, publicKey: PublicKey): Uint8Array | undefined {
  const secret = store.get("identity", identityKey(context, publicKey));
  return secret === undefined || secret.length === 0 ? undefined : secret;
}

export async function listIdentities(store: Reader, context: ContextId): Promise<readonly ContextIdentity[]> {
  const found: ContextIdentity[] = [];
  for await (const [key, value] of store.scan("identity", prefixRange(bytesOf(context)))) {
    found.push({ publicKey: idOf<PublicKey>(key.subarray(32)), owned: value.length > 0 });
  }
  return found;
}

const identityKey = (context: ContextId | undefined, publicKey: PublicKey): Uint8Array =>
  keyOf(context === undefined ? UNCLAIMED : bytesOf(context), bytesOf(publicKey));
