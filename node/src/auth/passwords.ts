/**
 * Password hashes: scrypt, in PHC's text form, with the cost inside so that it can be raised later. One is computed at a
 * time (each takes 32 MiB and a core), and only so many may wait: a flood of logins is refused, not queued.
 */
import { scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import type { Random } from "@shoal/shared/base/random.ts";
import type { Secret } from "@shoal/shared/base/secret.ts";
import { keyedTurns } from "../actors/keyed-turns.ts";
import { AUTH_LIMITS } from "./settings.ts";

/** OWASP's cheat sheet on password storage: N = 2^15, r = 8, p = 3 is its choice for 32 MiB. */
const COST = { ln: 15, r: 8, p: 3 } as const;
const HASH_BYTES = 32;
const SALT_BYTES = 16;
const PHC = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{22})\$([A-Za-z0-9+/]{43})$/;

export interface Passwords {
  hash(password: Secret): Promise<string>;
  /** False as well where `hash` is undefined (no such user), after the same work. */
  matches(password: Secret, hash: string | undefined): Promise<boolean>;
}

export function createPasswords(random: Random): Passwords {
  const turns = keyedTurns(AUTH_LIMITS.passwordsWaiting);
  const derive = promisify(
    (password: string, salt: Uint8Array, cost: Cost, done: (failure: Error | null, key: Buffer) => void): void =>
      scrypt(password, salt, HASH_BYTES, { N: 2 ** cost.ln, r: cost.r, p: cost.p, maxmem: 2 ** 28 }, done),
  );
  const nobody = { cost: COST, salt: random.bytes(SALT_BYTES), hash: random.bytes(HASH_BYTES) };

  return {
    hash: (password) =>
      turns.run("scrypt", "write", async () => {
        const salt = random.bytes(SALT_BYTES);
        const hash = await derive(normal(password), salt, COST);
        return `$scrypt$ln=${COST.ln},r=${COST.r},p=${COST.p}$${base64(salt)}$${base64(hash)}`;
      }),
    matches: (password, text) =>
      turns.run("scrypt", "write", async () => {
        const known = text === undefined ? undefined : parsed(text);
        const { cost, salt, hash } = known ?? nobody;
        const same = timingSafeEqual(await derive(normal(password), salt, cost), hash);
        return same && known !== undefined;
      }),
  };
}

interface Cost {
  readonly ln: number;
  readonly r: number;
  readonly p: number;
}

function parsed(text: string): { cost: Cost; salt: Uint8Array; hash: Uint8Array } | undefined {
  const match = PHC.exec(text);
  if (match === null) return undefined;
  const [, ln, r, p, salt = "", hash = ""] = match;
  return {
    cost: { ln: Number(ln), r: Number(r), p: Number(p) },
    salt: Buffer.from(salt, "base64"),
    hash: Buffer.from(hash, "base64"),
  };
}

/** The same password typed on another keyboard may arrive in another composition of the same characters. */
const normal = (password: Secret): string => password.reveal().normalize("NFC");

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64").replaceAll("=", "");
