/** API keys. A key never has more rights than whoever made it, and its token is shown once. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { makeId } from "@shoal/shared/base/ids.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import { days, fromIso, plus } from "@shoal/shared/base/time.ts";
import { ACCOUNT_LIMITS, SCOPES } from "@shoal/shared/model/account.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { ApiKey } from "@shoal/shared/wire/endpoints/api-keys.ts";
import { usageOf } from "../store/accounts/plan-usage.ts";
import { createApiKey, findApiKey, listApiKeys, revokeApiKey, type ApiKeyRow } from "../store/api-keys/api-keys.ts";
import type { Database } from "../store/database.ts";
import type { Handlers } from "./call.ts";
import { found, refuseOverLimit } from "./missing.ts";
import { isoOrNull, pageBody, pageRequest } from "./paging.ts";
import { principalOf } from "./principal.ts";
import { created, ok } from "./reply.ts";
import { hashOfToken, hintOfToken, makeToken } from "./tokens.ts";
import type { Units } from "./unit.ts";

export interface KeysInit {
  readonly database: Pick<Database, "asTenant">;
  readonly units: Units;
  readonly clock: Clock;
  readonly random: Random;
  readonly forget: (credentialId: string) => void;
}

type Ids = "api-keys.create" | "api-keys.list" | "api-keys.get" | "api-keys.revoke";

export function keyHandlers({ database, units, clock, random, forget }: KeysInit): Pick<Handlers, Ids> {
  return {
    "api-keys.create": async (call) => {
      const { caller, body } = call;
      const beyond = body.scopes.find((scope) => !caller.scopes.includes(scope));
      if (beyond !== undefined)
        throw new ShoalError("permission_denied", `you do not have the scope ${beyond} yourself`, { field: "scopes" });
      const expiresAt = expiryOf(body.expires_at, clock);
      return units.run(call, { principal: principalOf(call) }, async (unit) => {
        const organisationId = caller.organisation.id;
        const limit = caller.plan.max_api_keys;
        const used = await usageOf(unit.tx, "api_keys", organisationId, limit);
        refuseOverLimit("API keys", used, limit, caller.plan.name);
        const token = makeToken("api-key", random);
        const row = await createApiKey(unit.tx, {
          id: makeId("apiKey", random),
          organisation_id: organisationId,
          name: body.name,
          token_hint: hintOfToken(token),
          token_hash: hashOfToken(token),
          scopes: [...body.scopes],
          created_by: caller.actor.id,
          expires_at: expiresAt,
        });
        await unit.audit("api_key.create", { kind: "api_key", id: row.id }, { name: row.name, scopes: row.scopes });
        return created({ api_key: shown(row), token });
      });
    },
    "api-keys.list": async ({ caller, query }) => {
      const { id } = caller.organisation;
      const page = await database.asTenant(id, (tx) => listApiKeys(tx, id, pageRequest(query)));
      return ok(pageBody(page, shown));
    },
    "api-keys.get": async ({ caller, params }) => {
      const row = await database.asTenant(caller.organisation.id, (tx) => findApiKey(tx, params.id));
      return ok(shown(found(row, "API key")));
    },
    "api-keys.revoke": async (call) => {
      const { id } = call.params;
      const reply = await units.run(call, { principal: principalOf(call) }, async (unit) => {
        const row = found(await revokeApiKey(unit.tx, id, new Date(clock.now())), "API key");
        await unit.audit("api_key.revoke", { kind: "api_key", id });
        return ok(shown(row));
      });
      forget(id);
      return reply;
    },
  };
}

function expiryOf(text: string | undefined, clock: Clock): Date | null {
  if (text === undefined) return null;
  const now = clock.now();
  const at = fromIso(text);
  const latest = plus(now, days(ACCOUNT_LIMITS.apiKeyMaxDays));
  if (at === undefined || at <= now || at > latest)
    throw new ShoalError(
      "invalid_argument",
      `lies in the past or more than ${ACCOUNT_LIMITS.apiKeyMaxDays} days ahead`,
      {
        field: "expires_at",
      },
    );
  return new Date(at);
}

function shown(row: ApiKeyRow): ApiKey {
  return {
    id: row.id,
    name: row.name,
    token_hint: row.token_hint,
    scopes: SCOPES.filter((scope) => row.scopes.includes(scope)),
    created_by: row.created_by,
    created_at: row.created_at.toISOString(),
    expires_at: isoOrNull(row.expires_at),
    last_used_at: isoOrNull(row.last_used_at),
    revoked_at: isoOrNull(row.revoked_at),
  };
}
