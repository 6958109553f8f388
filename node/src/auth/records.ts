/**
 * What auth keeps, in the store's column `auth`: JSON under `kind/id`. No token is stored: a session says which turn of a
 * refresh token is the good one, and a token is told by its signature. Signing secrets are as safe as the store's encryption.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Row, Store } from "../storage/store.ts";

const ms = z.number().int().nonnegative();

const keySchema = z.strictObject({
  id: z.string(),
  /** Stays the same when a client key's id rotates. */
  family: z.string(),
  kind: z.enum(["root", "client"]),
  /** Of a client key: the root key that it hangs on. */
  rootId: z.string().optional(),
  name: z.string(),
  publicKey: z.string(),
  authMethod: z.string(),
  username: z.string().optional(),
  permissions: z.array(z.string()).readonly(),
  nodeUrl: z.string().optional(),
  createdAtMs: ms,
  revokedAtMs: ms.optional(),
});
export type AuthKey = z.infer<typeof keySchema>;

const sessionSchema = z.strictObject({
  id: z.string(),
  family: z.string(),
  keyId: z.string(),
  /** Which refresh token of this session is the good one. */
  turn: z.number().int().nonnegative(),
  /** Where the sign-in asked for less than its key has. */
  permissions: z.array(z.string()).readonly().optional(),
  nodeUrl: z.string().optional(),
  expiresAtMs: ms,
});
export type Session = z.infer<typeof sessionSchema>;

const userSchema = z.strictObject({ username: z.string(), keyId: z.string(), password: z.string() });
export type User = z.infer<typeof userSchema>;

const secretSchema = z.strictObject({
  kid: z.string(),
  secret: z.base64(),
  createdAtMs: ms,
  /** When it stopped signing. */
  retiredAtMs: ms.optional(),
});
export type SigningSecret = z.infer<typeof secretSchema>;

/** Reads are synchronous; changes are rows that `write` applies together. */
export interface Records {
  key(id: string): AuthKey | undefined;
  keys(): Promise<readonly AuthKey[]>;
  session(family: string, id: string): Session | undefined;
  sessions(family?: string): Promise<readonly Session[]>;
  user(username: string): User | undefined;
  secrets(): Promise<readonly SigningSecret[]>;
  readonly put: {
    key(key: AuthKey): Row;
    session(session: Session): Row;
    user(user: User): Row;
    secret(secret: SigningSecret): Row;
  };
  readonly drop: {
    key(id: string): Row;
    session(session: Pick<Session, "family" | "id">): Row;
    user(username: string): Row;
    secret(kid: string): Row;
  };
  /** Resolves when the rows are on disk. */
  write(rows: readonly Row[]): Promise<void>;
}

export function createRecords(store: Pick<Store, "get" | "scan" | "apply" | "durable">): Records {
  const read = <T>(schema: z.ZodType<T>, key: string): T | undefined => {
    const value = store.get("auth", utf8(key));
    return value === undefined ? undefined : parsed(schema, key, value);
  };
  const list = async <T>(schema: z.ZodType<T>, prefix: string): Promise<T[]> => {
    const found: T[] = [];
    // "0" follows "/" in byte order, so this is everything that begins with the prefix.
    const range = { gte: utf8(prefix), lt: utf8(`${prefix.slice(0, -1)}0`) };
    for await (const [key, value] of store.scan("auth", range)) {
      found.push(parsed(schema, new TextDecoder().decode(key), value));
    }
    return found;
  };
  const put = (key: string, value: unknown): Row => ({
    column: "auth",
    key: utf8(key),
    value: utf8(JSON.stringify(value)),
  });
  const drop = (key: string): Row => ({ column: "auth", key: utf8(key), value: undefined });

  return {
    key: (id) => read(keySchema, `key/${id}`),
    keys: () => list(keySchema, "key/"),
    session: (family, id) => read(sessionSchema, sessionKey(family, id)),
    sessions: (family) => list(sessionSchema, family === undefined ? "session/" : `session/${family}/`),
    user: (username) => read(userSchema, userKey(username)),
    secrets: () => list(secretSchema, "secret/"),
    put: {
      key: (key) => put(`key/${key.id}`, key),
      session: (session) => put(sessionKey(session.family, session.id), session),
      user: (user) => put(userKey(user.username), user),
      secret: (secret) => put(`secret/${secret.kid}`, secret),
    },
    drop: {
      key: (id) => drop(`key/${id}`),
      session: ({ family, id }) => drop(sessionKey(family, id)),
      user: (username) => drop(userKey(username)),
      secret: (kid) => drop(`secret/${kid}`),
    },
    async write(rows) {
      if (rows.length === 0) return;
      await store.apply(rows);
      await store.durable();
    },
  };
}

const sessionKey = (family: string, id: string): string => `session/${family}/${id}`;

/** A name may be any text, so its hash is the key. */
const userKey = (username: string): string => `user/${createHash("sha256").update(username).digest("hex")}`;

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

function parsed<T>(schema: z.ZodType<T>, key: string, value: Uint8Array): T {
  try {
    return schema.parse(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(value)));
  } catch (cause) {
    // The value may be a secret, so the message only says where it is.
    throw new ShoalError("internal", `the record ${key.split("/")[0]}/… of auth cannot be read`, { cause });
  }
}
