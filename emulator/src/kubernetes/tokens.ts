/**
 * Who may speak to the API. The administrator's token is kept in the data folder; service accounts get signed ones for a
 * while (TokenRequest), which end with their account. There are no roles: `system:masters` may do everything, anybody else
 * may only ask about himself.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { jwtVerify, SignJWT } from "jose";
import { timestamp } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Store } from "./store.ts";

export interface User {
  readonly username: string;
  readonly uid: string;
  readonly groups: readonly string[];
}

interface ServiceToken {
  readonly token: string;
  readonly expires: number;
}

export interface Tokens {
  readonly admin: string;
  /** Undefined where nobody is known by this token. */
  userOf(token: string, audiences?: readonly string[]): Promise<User | undefined>;
  issue(account: { readonly namespace: string; readonly name: string }, init: IssueInit): Promise<ServiceToken>;
}

interface IssueInit {
  readonly uid: string;
  readonly seconds: number;
  readonly audiences: readonly string[];
}

export const MASTERS = "system:masters";
export const AUDIENCE = "https://kubernetes.default.svc";
const ADMIN: User = { username: "admin", uid: "admin", groups: [MASTERS, "system:authenticated"] };

export async function createTokens(dataDir: string, store: Store, clock: Pick<Clock, "now">): Promise<Tokens> {
  const { admin, signing } = await keptSecrets(join(dataDir, "tokens.json"));
  const key = Buffer.from(signing, "base64url");
  return {
    admin,
    userOf: async (token, audiences = [AUDIENCE]) => {
      if (isSame(token, admin)) return ADMIN;
      try {
        const currentDate = new Date(clock.now());
        const { payload } = await jwtVerify(token, key, { issuer: AUDIENCE, audience: [...audiences], currentDate });
        return accountOf(store, payload.sub ?? "", payload["uid"]);
      } catch {
        return undefined;
      }
    },
    issue: async ({ namespace, name }, init) => {
      const now = Math.floor(clock.now() / 1000);
      const token = await new SignJWT({ uid: init.uid })
        .setProtectedHeader({ alg: "HS256" })
        .setIssuer(AUDIENCE)
        .setSubject(`system:serviceaccount:${namespace}:${name}`)
        .setAudience([...init.audiences])
        .setIssuedAt(now)
        .setExpirationTime(now + init.seconds)
        .sign(key);
      return { token, expires: timestamp((now + init.seconds) * 1000) };
    },
  };
}

function accountOf(store: Store, subject: string, uid: unknown): User | undefined {
  const [, , namespace = "", name = ""] = subject.split(":");
  const account = store.get("serviceaccounts", `${namespace}/${name}`);
  if (account === undefined || account.object.metadata.uid !== uid) return undefined;
  const groups = ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"];
  return { username: subject, uid: String(uid), groups };
}

function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

interface Secrets {
  readonly admin: string;
  readonly signing: string;
}

async function keptSecrets(path: string): Promise<Secrets> {
  const kept = await readFile(path, "utf8").catch(() => undefined);
  if (kept !== undefined) return JSON.parse(kept) as Secrets;
  const made: Secrets = {
    admin: randomBytes(32).toString("base64url"),
    signing: randomBytes(32).toString("base64url"),
  };
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(`${path}.new`, JSON.stringify(made), { mode: 0o600 });
  await rename(`${path}.new`, path);
  return made;
}
