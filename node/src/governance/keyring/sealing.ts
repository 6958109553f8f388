/**
 * The cryptography of scopes' keys, by libsodium: XChaCha20-Poly1305 for payloads, sealed boxes (X25519 of the Ed25519 keys,
 * anonymous sender) for the keys themselves. Chance is handed in, so that a box is made of its inputs alone; what opens one is
 * libsodium's own `crypto_box_seal_open`.
 */
import sodium from "sodium-native";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import { bytesOf, type PublicKey } from "../../model/ids.ts";
import type { KeyPair } from "../../model/keys.ts";
import { sha256 } from "../../model/sha256.ts";
import type { Sealed } from "../replication.ts";

export const KEY_BYTES = 32;
const NONCE_BYTES = sodium.crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
const TAG_BYTES = sodium.crypto_aead_xchacha20poly1305_ietf_ABYTES;
const KEY_DOMAIN = new TextEncoder().encode("shoal/governance/key/1\0");

export function keyIdOf(key: Uint8Array): Uint8Array {
  return sha256(KEY_DOMAIN, key);
}

export function sealWith(key: Uint8Array, plaintext: Uint8Array, aad: Uint8Array, random: Random): Sealed {
  const nonce = random.bytes(NONCE_BYTES);
  const ciphertext = Buffer.alloc(plaintext.length + TAG_BYTES);
  sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(
    ciphertext,
    buffer(plaintext),
    buffer(aad),
    null,
    buffer(nonce),
    buffer(key),
  );
  return { keyId: keyIdOf(key), nonce, ciphertext: plain(ciphertext) };
}

/** Throws `invalid_argument` for what was not sealed with this key and `aad`. */
export function openWith(key: Uint8Array, { nonce, ciphertext }: Sealed, aad: Uint8Array): Uint8Array {
  const broken = new ShoalError("invalid_argument", "the sealed payload does not open");
  if (nonce.length !== NONCE_BYTES || ciphertext.length < TAG_BYTES) throw broken;
  const plaintext = Buffer.alloc(ciphertext.length - TAG_BYTES);
  try {
    const [of, to, by] = [buffer(ciphertext), buffer(aad), buffer(key)];
    sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(plaintext, null, of, to, buffer(nonce), by);
  } catch {
    throw broken;
  }
  return plain(plaintext);
}

/** A box that only the holder of `recipient` opens; undefined where that is no point of the curve, so that nobody holds it. */
export function boxFor(recipient: PublicKey, key: Uint8Array, random: Random): Uint8Array | undefined {
  const to = Buffer.alloc(sodium.crypto_box_PUBLICKEYBYTES);
  try {
    sodium.crypto_sign_ed25519_pk_to_curve25519(to, buffer(bytesOf(recipient)));
  } catch {
    return undefined;
  }
  const from = Buffer.alloc(sodium.crypto_box_PUBLICKEYBYTES);
  const secret = sodium.sodium_malloc(sodium.crypto_box_SECRETKEYBYTES);
  sodium.crypto_box_seed_keypair(from, secret, buffer(random.bytes(sodium.crypto_box_SEEDBYTES)));
  const nonce = Buffer.alloc(sodium.crypto_box_NONCEBYTES);
  sodium.crypto_generichash(nonce, Buffer.concat([from, to]));
  const sealed = Buffer.alloc(key.length + sodium.crypto_box_MACBYTES);
  sodium.crypto_box_easy(sealed, buffer(key), nonce, to, secret);
  return plain(Buffer.concat([from, sealed]));
}

/** The key in a box for `account`; undefined where it is for somebody else, or no box at all. */
export function openBox(account: KeyPair, box: Uint8Array): Uint8Array | undefined {
  if (box.length !== KEY_BYTES + sodium.crypto_box_SEALBYTES) return undefined;
  const { publicKey, secret } = curveKeys(account);
  const key = Buffer.alloc(KEY_BYTES);
  return sodium.crypto_box_seal_open(key, buffer(box), publicKey, secret) ? plain(key) : undefined;
}

interface CurveKeys {
  readonly publicKey: Buffer;
  readonly secret: Buffer;
}

/** Converting costs as much as opening a box; a node has one account. */
const curve = new WeakMap<KeyPair, CurveKeys>();

function curveKeys(account: KeyPair): CurveKeys {
  const known = curve.get(account);
  if (known !== undefined) return known;
  const signing = { publicKey: Buffer.alloc(32), secret: sodium.sodium_malloc(sodium.crypto_sign_SECRETKEYBYTES) };
  sodium.crypto_sign_seed_keypair(signing.publicKey, signing.secret, buffer(account.secret));
  const made = {
    publicKey: Buffer.alloc(sodium.crypto_box_PUBLICKEYBYTES),
    secret: sodium.sodium_malloc(sodium.crypto_box_SECRETKEYBYTES),
  };
  sodium.crypto_sign_ed25519_pk_to_curve25519(made.publicKey, signing.publicKey);
  sodium.crypto_sign_ed25519_sk_to_curve25519(made.secret, signing.secret);
  curve.set(account, made);
  return made;
}

const buffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const plain = (bytes: Buffer): Uint8Array => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
