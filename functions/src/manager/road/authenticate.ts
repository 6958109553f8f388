/**
 * Who calls. A bearer token (API key or session) is found by its SHA-256 through a unique index, so that comparing takes no
 * secret-dependent time, and the answer is kept for a few seconds at most: that long a revocation may take to bite on
 * another instance; on this one it bites at once.
 */
import { ROLE_SCOPES, ROLES, SCOPES, type Role } from "@shoal/shared/model/account.ts";
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { findApiKeyByToken, type CredentialRow } from "../../store/api-keys/find-by-token.ts";
import { touchApiKey } from "../../store/api-keys/touch.ts";
import type { Database } from "../../store/database.ts";
import { findSessionByToken } from "../../store/sessions/find-by-token.ts";
import { touchSession } from "../../store/sessions/touch.ts";
import type { Caller } from "../call.ts";
import { hashOfToken, kindOfToken, type TokenKind } from "../tokens.ts";

export interface Authenticator {
  /** The bearer token of the header; throws `unauthenticated` where it is missing or malformed. */
  readonly tokenOf: (authorization: string | undefined) => string;
  /** Whether the token's answer is at hand, so that asking costs nothing. */
  readonly knows: (token: string) => boolean;
  readonly callerOf: (token: string) => Promise<Caller>;
  /** Forgets what it knows of a credential that was revoked here. */
  readonly forget: (credentialId: string) => void;
}

interface Entry {
  readonly caller: Promise<Caller>;
  readonly until: number;
  credentialId: string | undefined;
}

const MOST_ENTRIES = 10_000;
const BEARER = /^Bearer +([A-Za-z0-9_]{1,200})$/i;
const TOUCH_AFTER_MS = 60_000;

export function createAuthenticator(init: {
  readonly database: Pick<Database, "asAccounts">;
  readonly clock: Clock;
  readonly log: Log;
  readonly cacheMs: number;
}): Authenticator {
  const entries = new Map<string, Entry>();

  const lookUp = async (kind: TokenKind, token: string): Promise<Caller> => {
    const hash = hashOfToken(token);
    const find = kind === "session" ? findSessionByToken : findApiKeyByToken;
    const row = await init.database.asAccounts((tx) => find(tx, hash));
    const now = init.clock.now();
    if (row === undefined) throw refused("the credential is not known");
    if (row.revoked_at !== null) throw refused("the credential was revoked");
    if (row.expires_at !== null && row.expires_at.getTime() <= now) throw refused("the credential has expired");
    if (row.last_used_at === null || now - row.last_used_at.getTime() > TOUCH_AFTER_MS) touch(kind, row.id);
    return callerFrom(row);
  };

  /** Beside the request, never in its way; a lost note costs a minute of precision. */
  const touch = (kind: TokenKind, id: string): void => {
    init.database
      .asAccounts((tx) => (kind === "session" ? touchSession : touchApiKey)(tx, id))
      .catch((thrown: unknown) => init.log.debug({ err: thrown }, `use was not noted: ${messageOf(thrown)}`));
  };

  const fresh = (token: string): Entry | undefined => {
    const entry = entries.get(token);
    return entry !== undefined && entry.until > init.clock.monotonic() ? entry : undefined;
  };

  return {
    tokenOf: (authorization) => {
      if (authorization === undefined) throw refused("send a credential: Authorization: Bearer <token>");
      const token = BEARER.exec(authorization)?.[1];
      if (token === undefined || kindOfToken(token) === undefined) throw refused("the credential is malformed");
      return token;
    },
    knows: (token) => fresh(token) !== undefined,
    callerOf: async (token) => {
      const known = fresh(token);
      if (known !== undefined) return alive(await known.caller, init.clock.now());
      const caller = lookUp(kindOfToken(token) ?? "api-key", token);
      const entry: Entry = { caller, until: init.clock.monotonic() + init.cacheMs, credentialId: undefined };
      entries.delete(token);
      entries.set(token, entry);
      const oldest = entries.keys().next();
      if (entries.size > MOST_ENTRIES && oldest.done !== true) entries.delete(oldest.value);
      try {
        const found = await caller;
        entry.credentialId = found.credentialId;
        return found;
      } catch (thrown) {
        // A refusal is not kept: a key may be made the moment after, and an outage says nothing about it.
        if (entries.get(token) === entry) entries.delete(token);
        throw thrown;
      }
    },
    forget: (credentialId) => {
      for (const [token, entry] of entries) if (entry.credentialId === credentialId) entries.delete(token);
    },
  };
}

function refused(message: string): ShoalError {
  return new ShoalError("unauthenticated", message);
}

/** What is kept for seconds may still expire within them. */
function alive(caller: Caller, now: number): Caller {
  if (caller.expiresAt !== undefined && caller.expiresAt.getTime() <= now) throw refused("the credential has expired");
  return caller;
}

function callerFrom(row: CredentialRow): Caller {
  const role: Role | undefined = ROLES.find((known) => known === row.role);
  const scopes = role === undefined ? SCOPES.filter((scope) => row.scopes?.includes(scope)) : ROLE_SCOPES[role];
  return {
    organisation: {
      id: row.organisation_id,
      slug: row.slug,
      name: row.organisation_name,
      plan: row.plan,
      created_at: row.organisation_created_at.toISOString(),
    },
    actor:
      row.user_id === null
        ? { kind: "api_key", id: row.id, name: row.name }
        : { kind: "user", id: row.user_id, name: row.name, ...(row.email === null ? {} : { email: row.email }) },
    plan: {
      name: row.plan,
      max_processors: row.max_processors,
      max_templates: row.max_templates,
      max_api_keys: row.max_api_keys,
      requests_per_minute: row.requests_per_minute,
    },
    scopes,
    credentialId: row.id,
    expiresAt: row.expires_at ?? undefined,
    role,
  };
}
