/**
 * `did:key:z…`: who signed a bundle, as text. A did:key of an Ed25519 key is base58 (multibase `z`) of the multicodec prefix
 * 0xed01 and the 32 bytes of the key (W3C CCG, The did:key Method).
 */
import { base58 } from "@scure/base";
import { ShoalError } from "../base/errors.ts";

const PREFIX = "did:key:z";
const ED25519_PUBLIC = [0xed, 0x01] as const;
const KEY_BYTES = 32;
/** Base58 of 34 bytes whose first is 0xed. */
const TEXT = /^did:key:z[1-9A-HJ-NP-Za-km-z]{40,50}$/;

/** The signer id of a raw Ed25519 public key; throws `invalid_argument` where it has not 32 bytes. */
export function signerIdOf(publicKey: Uint8Array): string {
  if (publicKey.length !== KEY_BYTES) {
    throw new ShoalError("invalid_argument", `a public key has ${KEY_BYTES} bytes, not ${publicKey.length}`);
  }
  return PREFIX + base58.encode(Uint8Array.of(...ED25519_PUBLIC, ...publicKey));
}

/** The 32 bytes that a signer id names; throws `invalid_argument` with `field` where it names no Ed25519 key. */
export function publicKeyOf(signerId: string, field = "signerId"): Uint8Array {
  if (TEXT.test(signerId)) {
    const bytes = base58.decode(signerId.slice(PREFIX.length));
    const ed25519 = bytes[0] === ED25519_PUBLIC[0] && bytes[1] === ED25519_PUBLIC[1];
    if (ed25519 && bytes.length === KEY_BYTES + ED25519_PUBLIC.length) return bytes.slice(ED25519_PUBLIC.length);
  }
  throw new ShoalError("invalid_argument", "expected did:key:z… of an Ed25519 key", { field });
}
