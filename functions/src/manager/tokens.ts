/**
 * Tokens: a prefix that says what they are, 32 random characters (190 bits), and 6 of checksum, after GitHub's format: a
 * typing error or a made-up token is refused without asking the database, and leak scanners recognise a real one.
 */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { Random } from "@shoal/shared/base/random.ts";

export type TokenKind = "api-key" | "session";

const PREFIX: Record<TokenKind, string> = { "api-key": "shoal_", session: "shoalsession_" };
const BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_LENGTH = 32;
const CHECKSUM_LENGTH = 6;
const TOKEN = /^(shoal_|shoalsession_)([0-9A-Za-z]{32})([0-9A-Za-z]{6})$/;

export function makeToken(kind: TokenKind, random: Random): string {
  let body = "";
  while (body.length < RANDOM_LENGTH) {
    // 248 = 4 x 62: larger bytes would make the first letters likelier.
    for (const byte of random.bytes(RANDOM_LENGTH))
      if (byte < 248 && body.length < RANDOM_LENGTH) body += BASE62.charAt(byte % 62);
  }
  return `${PREFIX[kind]}${body}${checksum(PREFIX[kind] + body)}`;
}

/** What kind of token the text is; undefined where it is none that we ever made. */
export function kindOfToken(text: string): TokenKind | undefined {
  const match = TOKEN.exec(text);
  if (match === null || checksum(`${match[1]}${match[2]}`) !== match[3]) return undefined;
  return match[1] === PREFIX.session ? "session" : "api-key";
}

/** Tokens have full entropy, so one round of SHA-256 is as good as any: there is nothing to guess. */
export function hashOfToken(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

/** The first characters, to recognise a key by. */
export function hintOfToken(token: string): string {
  return `${token.slice(0, PREFIX["api-key"].length + 4)}…`;
}

function checksum(text: string): string {
  let rest = crc32(text);
  let digits = "";
  for (let i = 0; i < CHECKSUM_LENGTH; i++) {
    digits = BASE62.charAt(rest % 62) + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}
