/**
 * The node's identity as libp2p writes it: an Ed25519 pair in the protobuf of keys (type 1), base58 in the file; the peer id
 * is the base58 of the identity multihash of the public key's protobuf (libp2p specifications, `peer-ids`).
 */
import { base58 } from "@scure/base";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import { Secret } from "@shoal/shared/base/secret.ts";
import { ID_BYTES, bytesOf, type PublicKey } from "../model/ids.ts";
import { keyPairOf } from "../model/keys.ts";

export interface Identity {
  readonly publicKey: PublicKey;
  /** Base58 of the 32-byte seed. */
  readonly seed: Secret;
}

/** Field 1 (type) is 1, Ed25519; field 2 (data) has 32 bytes. */
const PUBLIC_PREFIX = Uint8Array.of(0x08, 0x01, 0x12, 0x20);
/** The same with 64 bytes: the seed, then the public key. */
const PRIVATE_PREFIX = Uint8Array.of(0x08, 0x01, 0x12, 0x40);

export function makeIdentity(random: Random): Identity {
  return identityOf(random.bytes(ID_BYTES));
}

/** The seed's bytes, to be handed only to what signs. */
export function seedBytes(identity: Identity): Uint8Array {
  return base58.decode(identity.seed.reveal());
}

export function peerIdOf(publicKey: PublicKey): string {
  const key = [...PUBLIC_PREFIX, ...bytesOf(publicKey)];
  // Multihash: code 0 (the bytes themselves), then how many there are.
  return base58.encode(Uint8Array.of(0x00, key.length, ...key));
}

/** The text of `identity.keypair`. */
export function keypairText(identity: Identity): Secret {
  const bytes = Uint8Array.of(...PRIVATE_PREFIX, ...seedBytes(identity), ...bytesOf(identity.publicKey));
  return new Secret(base58.encode(bytes));
}

/** Throws `invalid_argument` where it is no Ed25519 pair, or its halves do not belong together. */
export function parseKeypair(text: string, field: string): Identity {
  const bytes = decoded(text, field, "expected a base58 key pair");
  const prefixed = PRIVATE_PREFIX.every((byte, at) => bytes[at] === byte);
  if (!prefixed || bytes.length !== PRIVATE_PREFIX.length + 2 * ID_BYTES)
    throw new ShoalError("invalid_argument", "expected an Ed25519 key pair in libp2p's protobuf", { field });
  const identity = identityOf(bytes.subarray(PRIVATE_PREFIX.length, PRIVATE_PREFIX.length + ID_BYTES));
  if (base58.encode(bytes.subarray(PRIVATE_PREFIX.length + ID_BYTES)) !== identity.publicKey)
    throw new ShoalError("invalid_argument", "its public half is not that of its private half", { field });
  return identity;
}

/** Throws `invalid_argument` where it is not base58 of a 32-byte seed. */
export function parseSeed(text: string, field: string): Identity {
  const bytes = decoded(text, field, `expected base58 of ${ID_BYTES} bytes`);
  if (bytes.length !== ID_BYTES)
    throw new ShoalError("invalid_argument", `expected base58 of ${ID_BYTES} bytes`, { field });
  return identityOf(bytes);
}

export function identityOf(seed: Uint8Array): Identity {
  const { publicKey } = keyPairOf(seed, "seed");
  return { publicKey, seed: new Secret(base58.encode(seed)) };
}

function decoded(text: string, field: string, expectation: string): Uint8Array {
  try {
    if (text.length <= 128) return base58.decode(text);
  } catch {
    // Falls through to the one refusal, which does not repeat what is secret.
  }
  throw new ShoalError("invalid_argument", expectation, { field });
}
