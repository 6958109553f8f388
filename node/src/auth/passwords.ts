/**
 * Password hashes: argon2id, in PHC's text form, with the cost inside so that it can be raised later. One is computed at a
 * time (each takes 19 MiB and a core), and only so many may wait: a flood of logins is refused, not queued.
 */
import { argon2, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import type { Random } from "@shoal/shared/base/random.ts";
import type { Secret } from "@shoal/shared/base/secret.ts";
import { keyedTurns } from "../actors/keyed-turns.ts";
import { AUTH_LIMITS } from "./settings.ts";

/** KiB of memory, passes, lanes: the second of the equal choices in OWASP's cheat sheet on password storage. */
const COST = { m: 19_456, t: 2, p: 1 } as const;
const HASH_BYTES = 32;
const SALT_BYTES = 16;
const PHC = /^\$argon2id\$v=19\$m=(\d{1,6}),t=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{22})\$([A-Za-z0-9+/]{43})$/;

export interface Passwords {
  hash(password: Secret): Promise<string>;
  /** False as well where `hash` is undefined (no such user), after the same work. */
  matches(password: Secret, hash: string | undefined): Promise<boolean>;
}

export function createPasswords(random: Random): Passwords {
  const turns = keyedTurns(AUTH_LIMITS.passwordsWaiting);
  const derive = (password: Secret, nonce: Uint8Array, { m, t, p }: Cost): Promise<Buffer> =>
    hashed("argon2id", {
      message: normal(password),
      nonce,
      parallelism: p,
      tagLength: HASH_BYTES,
      memory: m,
      passes: t,
    });
  const nobody = { cost: COST, salt: random.bytes(SALT_BYTES), hash: random.bytes(HASH_BYTES) };

  return {
    hash: (password) =>
      turns.run("passwords", "write", async () => {
        const salt = random.bytes(SALT_BYTES);
        const hash = await derive(password, salt, COST);
        return `$argon2id$v=19$m=${COST.m},t=${COST.t},p=${COST.p}$${base64(salt)}$${base64(hash)}`;
      }),
    matches: (password, text) =>
      turns.run("passwords", "write", async () => {
        const known = text === undefined ? undefined : parsed(text);
        const { cost, salt, hash } = known ?? nobody;
        const same = timingSafeEqual(await derive(password, salt, cost), hash);
        return same && known !== undefined;
      }),
  };
}

const hashed = promisify(argon2);

interface Cost {
  readonly m: number;
  readonly t: number;
  readonly p: number;
}

function parsed(text: string): { cost: Cost; salt: Uint8Array; hash: Uint8Array } | undefined {
  const match = PHC.exec(text);
  if (match === null) return undefined;
  const [, m, t, p, salt = "", hash = ""] = match;
  return {
    cost: { m: Number(m), t: Number(t), p: Number(p) },
    salt: Buffer.from(salt, "base64"),
    hash: Buffer.from(hash, "base64"),
  };
}

/** The same password typed on another keyboard may arrive in another composition of the same characters. */
const normal = (password: Secret): string => password.reveal().normalize("NFC");

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64").replaceAll("=", "");
