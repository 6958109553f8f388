/** Sessions, organisations, members, invitations, and the signed-in user. */
import { hours, plus } from "@shoal/shared/base/time.ts";
import { makeId } from "@shoal/shared/base/ids.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import { ACCOUNT_LIMITS, ROLES, type Role } from "@shoal/shared/model/account.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Organisation } from "@shoal/shared/wire/endpoints/organisations.ts";
import { acceptInvitations } from "../store/accounts/accept-invitations.ts";
import { membershipsOfUser, type MembershipRow } from "../store/accounts/memberships-of-user.ts";
import { openOrganisation } from "../store/accounts/open-organisation.ts";
import { organisationById, renameOrganisation, type OrganisationRow } from "../store/accounts/organisation.ts";
import { signIn, type UserRow } from "../store/accounts/sign-in.ts";
import { recordAudit } from "../store/audit/record.ts";
import type { Database, Tx } from "../store/database.ts";
import { createSession, revokeSession } from "../store/sessions/sessions.ts";
import type { Handlers } from "./call.ts";
import type { IdTokenVerifier, VerifiedIdentity } from "./id-token.ts";
import { found, notFound } from "./missing.ts";
import { principalOf } from "./principal.ts";
import { created, done, ok } from "./reply.ts";
import { requireUser } from "./road/authorize.ts";
import { hashOfToken, makeToken } from "./tokens.ts";
import type { Units } from "./unit.ts";

export interface AccountsInit {
  readonly database: Pick<Database, "asTenant" | "asAccounts">;
  readonly units: Units;
  readonly clock: Clock;
  readonly random: Random;
  readonly verifyIdToken: IdTokenVerifier;
  readonly forget: (credentialId: string) => void;
}

type SessionIds = "sessions.create" | "sessions.current" | "sessions.end";
type OrganisationIds = "organisations.create" | "organisations.get" | "organisations.update" | "users.me";

export function accountHandlers(init: AccountsInit): Pick<Handlers, SessionIds | OrganisationIds> {
  return { ...sessionHandlers(init), ...organisationHandlers(init) };
}

function sessionHandlers(init: AccountsInit): Pick<Handlers, SessionIds> {
  const { database, units, clock, random } = init;
  return {
    "sessions.create": async (call) => {
      const identity = await init.verifyIdToken(call.body.id_token, call.body.nonce);
      const { user, memberships } = await database.asAccounts((tx) =>
        enter(tx, identity, call.facts.requestId, random),
      );
      const slug = call.body.organisation;
      const organisation = slug === undefined ? memberships[0] : memberships.find((one) => one.slug === slug);
      if (organisation === undefined) throw notFound("organisation");
      const principal = {
        organisationId: organisation.id,
        actor: { kind: "user", id: user.id } as const,
        secret: call.body.id_token,
      };
      return units.run(call, { principal }, async (unit) => {
        const id = makeId<string>("session", random);
        const token = makeToken("session", random);
        const expiresAt = new Date(plus(clock.now(), hours(ACCOUNT_LIMITS.sessionHours)));
        await createSession(unit.tx, {
          id,
          organisation_id: organisation.id,
          user_id: user.id,
          token_hash: hashOfToken(token),
          expires_at: expiresAt,
        });
        await unit.audit("session.create", { kind: "session", id });
        const body = { token, expires_at: expiresAt.toISOString(), organisation: shown(organisation), user };
        return created(body);
      });
    },
    "sessions.current": async ({ caller }) =>
      ok({
        organisation: caller.organisation,
        actor: caller.actor,
        scopes: [...caller.scopes],
        expires_at: caller.expiresAt?.toISOString() ?? null,
        plan: caller.plan,
      }),
    "sessions.end": async (call) => {
      const { caller } = call;
      if (caller.actor.kind !== "user")
        throw new ShoalError("permission_denied", "an API key is revoked by DELETE /api/v1/api-keys/{id}");
      const reply = await units.run(call, { principal: principalOf(call) }, async (unit) => {
        await revokeSession(unit.tx, caller.credentialId, new Date(clock.now()));
        await unit.audit("session.end", { kind: "session", id: caller.credentialId });
        return done();
      });
      init.forget(caller.credentialId);
      return reply;
    },
  };
}

function organisationHandlers({ database, units, random }: AccountsInit): Pick<Handlers, OrganisationIds> {
  return {
    "organisations.create": async (call) => {
      const ownerId = requireUser(call.caller);
      const { name } = call.body;
      return units.run(call, { principal: principalOf(call), role: "accounts" }, async (unit) => {
        const organisation =
          call.body.slug === undefined
            ? await openUnderFreeSlug(unit.tx, name, ownerId, random)
            : await open(unit.tx, { slug: call.body.slug, name }, ownerId, random);
        if (organisation === undefined) throw new ShoalError("already_exists", "the slug is taken", { field: "slug" });
        await noteOpening(unit.tx, organisation, ownerId, call.facts.requestId);
        return created(shown(organisation));
      });
    },
    "organisations.get": async ({ caller }) => {
      const { id } = caller.organisation;
      const row = await database.asTenant(id, (tx) => organisationById(tx, id));
      return ok(shown(found(row, "organisation")));
    },
    "organisations.update": async (call) =>
      units.run(call, { principal: principalOf(call) }, async (unit) => {
        const { id } = call.caller.organisation;
        const row = await renameOrganisation(unit.tx, id, call.body.name);
        await unit.audit("organisation.update", { kind: "organisation", id }, { name: call.body.name });
        return ok(shown(row));
      }),
    "users.me": async ({ caller }) => {
      const id = requireUser(caller);
      const rows = await database.asAccounts((tx) => membershipsOfUser(tx, id));
      const { name, email = "" } = caller.actor;
      const memberships = rows.map((row) => ({ organisation: shown(row), role: roleOf(row.role) }));
      return ok({ user: { id, name, email }, memberships });
    },
  };
}

/** The user of an identity and what they belong to; whoever belongs nowhere gets an organisation of their own. */
async function enter(
  tx: Tx,
  identity: VerifiedIdentity,
  requestId: string,
  random: Random,
): Promise<{ readonly user: UserRow; readonly memberships: readonly MembershipRow[] }> {
  const { issuer, subject, email, name } = identity;
  const user = await signIn(tx, { issuer, subject, email, name }, makeId("user", random));
  if (identity.emailVerified) {
    for (const organisationId of await acceptInvitations(tx, email, user.id))
      await noteJoining(tx, organisationId, user.id, requestId);
  }
  const memberships = await membershipsOfUser(tx, user.id);
  if (memberships.length > 0) return { user, memberships };
  const called = name.slice(0, ACCOUNT_LIMITS.nameMaxLength);
  const organisation = await openUnderFreeSlug(tx, called, user.id, random, email.split("@")[0]);
  await noteOpening(tx, organisation, user.id, requestId);
  return { user, memberships: [{ ...organisation, role: "owner" }] };
}

const FIRST_PLAN = "free";

async function open(
  tx: Tx,
  { slug, name }: { readonly slug: string; readonly name: string },
  ownerId: string,
  random: Random,
): Promise<OrganisationRow | undefined> {
  const id = makeId<string>("organisation", random);
  return openOrganisation(tx, { id, slug, name, plan: FIRST_PLAN }, ownerId);
}

/** A slug made from a name; where it is taken, with chance behind it. */
async function openUnderFreeSlug(
  tx: Tx,
  name: string,
  ownerId: string,
  random: Random,
  wish: string = name,
): Promise<OrganisationRow> {
  const letters = wish
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+/, "")
    .slice(0, 24);
  const base = letters.replace(/-+$/, "") || "organisation";
  for (let attempt = 0; attempt < 5; attempt++) {
    const slug = attempt === 0 ? base : `${base}-${makeId("organisation", random).slice(-6)}`;
    const organisation = await open(tx, { slug, name }, ownerId, random);
    if (organisation !== undefined) return organisation;
  }
  throw new ShoalError("unavailable", "no free name was found for the organisation");
}

async function noteOpening(tx: Tx, organisation: OrganisationRow, userId: string, requestId: string): Promise<void> {
  const { id, slug } = organisation;
  await recordAudit(tx, {
    organisation_id: id,
    actor_kind: "user",
    actor_id: userId,
    action: "organisation.create",
    resource_kind: "organisation",
    resource_id: id,
    request_id: requestId,
    details: { slug },
  });
}

async function noteJoining(tx: Tx, organisationId: string, userId: string, requestId: string): Promise<void> {
  await recordAudit(tx, {
    organisation_id: organisationId,
    actor_kind: "user",
    actor_id: userId,
    action: "member.join",
    resource_kind: "member",
    resource_id: userId,
    request_id: requestId,
    details: {},
  });
}

export function shown(row: OrganisationRow): Organisation {
  return { id: row.id, slug: row.slug, name: row.name, plan: row.plan, created_at: row.created_at.toISOString() };
}

/** The column is checked by the database; a word that we do not know has the fewest rights. */
export function roleOf(word: string): Role {
  return ROLES.find((role) => role === word) ?? "viewer";
}
