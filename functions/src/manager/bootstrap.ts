/**
 * The first organisation and its first API key, for a deployment that nobody can sign in to yet. Run again it changes
 * nothing: the token is told once, and whoever keeps it hands it in to hear whether it is still good.
 */
import { sql } from "kysely";
import { makeId } from "@shoal/shared/base/ids.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import { SCOPES } from "@shoal/shared/model/account.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { openOrganisation } from "../store/accounts/open-organisation.ts";
import { organisationBySlug } from "../store/accounts/organisation.ts";
import { createApiKey, listApiKeys, revokeApiKey, type ApiKeyRow } from "../store/api-keys/api-keys.ts";
import { findApiKeyByToken } from "../store/api-keys/find-by-token.ts";
import { recordAudit } from "../store/audit/record.ts";
import type { Database, Tx } from "../store/database.ts";
import { hashOfToken, hintOfToken, kindOfToken, makeToken } from "./tokens.ts";

export interface BootstrapInit {
  readonly database: Pick<Database, "asAccounts">;
  readonly clock: Pick<Clock, "now">;
  readonly random: Random;
  readonly slug: string;
  readonly name: string;
  readonly plan: string;
  readonly keyName: string;
  /** What an earlier run told. */
  readonly keptToken?: string | undefined;
  /** A key of an earlier run whose token was not handed in: make another one and revoke it, or leave it alone. */
  readonly whereLost: "replace" | "leave";
}

export interface Bootstrapped {
  readonly organisationId: string;
  /** A valid token, kept or new; undefined only where a key exists and was left alone. */
  readonly token: string | undefined;
  readonly isNew: boolean;
}

/** Throws `unavailable` where the database cannot be reached. */
export async function bootstrapOrganisation(init: BootstrapInit): Promise<Bootstrapped> {
  return init.database.asAccounts(async (tx) => {
    // Instances that start at once agree on one key.
    await sql`select pg_advisory_xact_lock(hashtextextended(${`bootstrap:${init.slug}`}, 0))`.execute(tx);
    const organisationId = await organisationOf(tx, init);
    const { keptToken } = init;
    if (keptToken !== undefined && (await isValid(tx, keptToken, organisationId, init.clock.now())))
      return { organisationId, token: keptToken, isNew: false };
    const lost = await lostKeys(tx, organisationId, init.keyName);
    if (lost.length > 0 && init.whereLost === "leave") return { organisationId, token: undefined, isNew: false };
    for (const key of lost) {
      await revokeApiKey(tx, key.id, new Date(init.clock.now()));
      await note(tx, organisationId, "api_key.revoke", "api_key", key.id);
    }
    return { organisationId, token: await makeKey(tx, init, organisationId), isNew: true };
  });
}

async function organisationOf(tx: Tx, init: BootstrapInit): Promise<string> {
  const known = await organisationBySlug(tx, init.slug);
  if (known !== undefined) return known.id;
  const id = makeId<string>("organisation", init.random);
  const opened = await openOrganisation(tx, { id, slug: init.slug, name: init.name, plan: init.plan }, undefined);
  if (opened === undefined) throw new ShoalError("conflict", `the slug ${init.slug} was taken meanwhile`);
  await note(tx, id, "organisation.create", "organisation", id);
  return id;
}

async function isValid(tx: Tx, token: string, organisationId: string, now: number): Promise<boolean> {
  if (kindOfToken(token) !== "api-key") return false;
  const row = await findApiKeyByToken(tx, hashOfToken(token));
  if (row === undefined || row.organisation_id !== organisationId || row.revoked_at !== null) return false;
  return row.expires_at === null || row.expires_at.getTime() > now;
}

const MADE_BY = "bootstrap";
const MOST_KEYS = 200;

async function lostKeys(tx: Tx, organisationId: string, name: string): Promise<readonly ApiKeyRow[]> {
  const { rows } = await listApiKeys(tx, organisationId, { limit: MOST_KEYS, after: undefined });
  return rows.filter((key) => key.created_by === MADE_BY && key.name === name && key.revoked_at === null);
}

async function makeKey(tx: Tx, { random, keyName }: BootstrapInit, organisationId: string): Promise<string> {
  const token = makeToken("api-key", random);
  const { id } = await createApiKey(tx, {
    id: makeId("apiKey", random),
    organisation_id: organisationId,
    name: keyName,
    token_hint: hintOfToken(token),
    token_hash: hashOfToken(token),
    scopes: [...SCOPES],
    created_by: MADE_BY,
    expires_at: null,
  });
  await note(tx, organisationId, "api_key.create", "api_key", id);
  return token;
}

async function note(tx: Tx, organisationId: string, action: string, kind: string, id: string): Promise<void> {
  await recordAudit(tx, {
    organisation_id: organisationId,
    actor_kind: "system",
    actor_id: MADE_BY,
    action,
    resource_kind: kind,
    resource_id: id,
    request_id: MADE_BY,
    details: {},
  });
}
