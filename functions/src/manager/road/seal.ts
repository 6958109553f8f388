/**
 * Seals an answer that carries a credential before it is kept for a repeated request. The key is made from the caller's own
 * token, which the database does not have: what is kept there opens nothing, and only the same caller can be answered again.
 */
import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";
import type { Random } from "@shoal/shared/base/random.ts";

const NONCE_LENGTH = 12;
const TAG_LENGTH = 16;

function keyOf(secret: string, context: string): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, "shoal idempotency", context, 32));
}

export function seal(text: string, secret: string, context: string, random: Random): string {
  const nonce = random.bytes(NONCE_LENGTH);
  const cipher = createCipheriv("aes-256-gcm", keyOf(secret, context), nonce);
  const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString("base64");
}

/** Undefined where the secret is another one. */
export function unseal(sealed: string, secret: string, context: string): string | undefined {
  const bytes = Buffer.from(sealed, "base64");
  const decipher = createDecipheriv("aes-256-gcm", keyOf(secret, context), bytes.subarray(0, NONCE_LENGTH));
  decipher.setAuthTag(bytes.subarray(NONCE_LENGTH, NONCE_LENGTH + TAG_LENGTH));
  try {
    return decipher.update(bytes.subarray(NONCE_LENGTH + TAG_LENGTH), undefined, "utf8") + decipher.final("utf8");
  } catch {
    return undefined;
  }
}
