/**
 * How a value lies on disk: with a checksum over key and value, or encrypted under a key that is derived from the node's
 * storage key. Keys are plain in both. LevelDB verifies nothing when it reads, so that what rots would be handed to a guest:
 * here it is an error instead.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";
import { ShoalError } from "@shoal/shared/base/errors.ts";

export interface ValueCodec {
  /** What to store for `value` at `key` (column byte first). */
  seal(key: Uint8Array, value: Uint8Array): Uint8Array;
  /** The value; throws `internal` where the stored bytes are not what `seal` made for this key. */
  open(key: Uint8Array, stored: Uint8Array): Uint8Array;
}

/** Bytes of the storage key. */
const STORAGE_KEY_BYTES = 32;

const CHECKSUM_BYTES = 4;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** First byte of an encrypted value: which derived key, for the day when keys are rotated. */
const KEY_VERSION = 1;

export const checkedValues: ValueCodec = {
  seal(key, value) {
    const stored = Buffer.allocUnsafe(value.length + CHECKSUM_BYTES);
    stored.set(value);
    stored.writeUInt32LE(crc32(value, crc32(key)), value.length);
    return stored;
  },
  open(key, stored) {
    const length = stored.length - CHECKSUM_BYTES;
    if (length < 0) throw damaged(key);
    const value = stored.subarray(0, length);
    const expected = new DataView(stored.buffer, stored.byteOffset + length, CHECKSUM_BYTES).getUint32(0, true);
    if (crc32(value, crc32(key)) !== expected) throw damaged(key);
    return plain(value);
  },
};

/** AES-256-GCM under HKDF-SHA256(`storageKey`); the row's key is authenticated, so that values cannot change places. */
export function encryptedValues(storageKey: Uint8Array): ValueCodec {
  if (storageKey.length !== STORAGE_KEY_BYTES) {
    throw new ShoalError("invalid_argument", `a storage key has ${STORAGE_KEY_BYTES} bytes, not ${storageKey.length}`);
  }
  const dataKey = Buffer.from(
    hkdfSync("sha256", storageKey, new Uint8Array(), `calimero-dek-v${KEY_VERSION}`, STORAGE_KEY_BYTES),
  );
  return {
    seal(key, value) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", dataKey, nonce).setAAD(key);
      return Buffer.concat([Buffer.of(KEY_VERSION), nonce, cipher.update(value), cipher.final(), cipher.getAuthTag()]);
    },
    open(key, stored) {
      const end = stored.length - TAG_BYTES;
      if (stored[0] !== KEY_VERSION || end < 1 + NONCE_BYTES) throw damaged(key);
      const decipher = createDecipheriv("aes-256-gcm", dataKey, stored.subarray(1, 1 + NONCE_BYTES));
      decipher.setAAD(key).setAuthTag(stored.subarray(end));
      try {
        const value = decipher.update(stored.subarray(1 + NONCE_BYTES, end));
        decipher.final();
        return plain(value);
      } catch (cause) {
        throw damaged(key, cause);
      }
    },
  };
}

/** Node gives Buffers, whose `slice` and JSON differ from those of the bytes that the rest of the node passes around. */
export function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

function damaged(key: Uint8Array, cause?: unknown): ShoalError {
  const row = Buffer.from(key).toString("hex");
  return new ShoalError("internal", `the store is damaged: row ${row} does not match its checksum`, { cause });
}
