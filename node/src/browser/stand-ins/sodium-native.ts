/** What the node asks of sodium-native, by libsodium's own build for WebAssembly: results are written into the first argument. */
import sodium, { ready } from "libsodium-wrappers";

await ready;

type Bytes = Uint8Array;

const into = (out: Bytes, result: Bytes): void => out.set(result);

export default {
  crypto_sign_SEEDBYTES: 32,
  crypto_sign_BYTES: 64,
  crypto_sign_PUBLICKEYBYTES: 32,
  crypto_sign_SECRETKEYBYTES: 64,
  crypto_box_SEALBYTES: 48,
  crypto_box_PUBLICKEYBYTES: 32,
  crypto_box_SECRETKEYBYTES: 32,
  crypto_aead_xchacha20poly1305_ietf_ABYTES: 16,
  crypto_aead_xchacha20poly1305_ietf_NPUBBYTES: 24,
  crypto_aead_xchacha20poly1305_ietf_KEYBYTES: 32,
  /** A browser has no memory that is locked. */
  sodium_malloc: (size: number): Buffer => Buffer.alloc(size),
  sodium_memzero: (bytes: Bytes): void => void bytes.fill(0),
  crypto_sign_seed_keypair(publicKey: Bytes, secretKey: Bytes, seed: Bytes): void {
    const pair = sodium.crypto_sign_seed_keypair(seed);
    into(publicKey, pair.publicKey);
    into(secretKey, pair.privateKey);
  },
  crypto_sign_detached: (signature: Bytes, message: Bytes, secretKey: Bytes): void =>
    into(signature, sodium.crypto_sign_detached(message, secretKey)),
  crypto_sign_verify_detached: (signature: Bytes, message: Bytes, publicKey: Bytes): boolean =>
    sodium.crypto_sign_verify_detached(signature, message, publicKey),
  crypto_sign_ed25519_pk_to_curve25519: (out: Bytes, publicKey: Bytes): void =>
    into(out, sodium.crypto_sign_ed25519_pk_to_curve25519(publicKey)),
  crypto_sign_ed25519_sk_to_curve25519: (out: Bytes, secretKey: Bytes): void =>
    into(out, sodium.crypto_sign_ed25519_sk_to_curve25519(secretKey)),
  crypto_box_seal: (out: Bytes, message: Bytes, publicKey: Bytes): void =>
    into(out, sodium.crypto_box_seal(message, publicKey)),
  crypto_box_seal_open(out: Bytes, sealed: Bytes, publicKey: Bytes, secretKey: Bytes): boolean {
    try {
      into(out, sodium.crypto_box_seal_open(sealed, publicKey, secretKey));
      return true;
    } catch {
      return false;
    }
  },
  crypto_aead_xchacha20poly1305_ietf_encrypt(
    out: Bytes,
    message: Bytes,
    aad: Bytes | null,
    _secretNonce: null,
    nonce: Bytes,
    key: Bytes,
  ): number {
    const sealed = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(message, aad, null, nonce, key);
    into(out, sealed);
    return sealed.length;
  },
  /** Throws where the seal does not hold. */
  crypto_aead_xchacha20poly1305_ietf_decrypt(
    out: Bytes,
    _secretNonce: null,
    sealed: Bytes,
    aad: Bytes | null,
    nonce: Bytes,
    key: Bytes,
  ): number {
    const message = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, sealed, aad, nonce, key);
    into(out, message);
    return message.length;
  },
};
