/** Members and invitations. Only an owner makes or unmakes owners, and an organisation always keeps one. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { lockOwners, removeMember, setRole } from "../store/accounts/change-membership.ts";
import { invite, listInvitations, withdrawInvitation, type InvitationRow } from "../store/accounts/invitations.ts";
import { findMember, listMembers, type MemberRow } from "../store/accounts/members.ts";
import type { Database } from "../store/database.ts";
import { roleOf } from "./accounts.ts";
import type { Caller, Handlers } from "./call.ts";
import { found, notFound } from "./missing.ts";
import { pageBody, pageRequest } from "./paging.ts";
import { principalOf } from "./principal.ts";
import { created, done, ok } from "./reply.ts";
import type { Unit, Units } from "./unit.ts";

export interface MembersInit {
  readonly database: Pick<Database, "asTenant">;
  readonly units: Units;
  readonly clock: Clock;
}

type Ids = "members.list" | "members.put" | "members.delete";
type InvitationIds = "invitations.create" | "invitations.list" | "invitations.delete";

export function memberHandlers({ database, units, clock }: MembersInit): Pick<Handlers, Ids | InvitationIds> {
  return {
    "members.list": async ({ caller, query }) => {
      const page = await database.asTenant(caller.organisation.id, (tx) => listMembers(tx, pageRequest(query)));
      return ok(pageBody(page, shown));
    },
    "members.put": async (call) =>
      units.run(call, { principal: principalOf(call) }, async (unit) => {
        const { user_id: userId } = call.params;
        const { role } = call.body;
        const member = found(await findMember(unit.tx, userId), "member");
        await guardOwners(unit, call.caller, userId, role === "owner", role !== "owner");
        await setRole(unit.tx, userId, role);
        await unit.audit("member.update", { kind: "member", id: userId }, { from: member.role, to: role });
        return ok(shown({ ...member, role }));
      }),
    "members.delete": async (call) =>
      units.run(call, { principal: principalOf(call) }, async (unit) => {
        const { user_id: userId } = call.params;
        found(await findMember(unit.tx, userId), "member");
        await guardOwners(unit, call.caller, userId, false, true);
        await removeMember(unit.tx, userId, new Date(clock.now()));
        await unit.audit("member.delete", { kind: "member", id: userId });
        return done();
      }),
    "invitations.create": async (call) =>
      units.run(call, { principal: principalOf(call) }, async (unit) => {
        const { email, role } = call.body;
        if (role === "owner" && call.caller.role !== "owner") throw ownersOnly();
        const row = await invite(unit.tx, {
          organisation_id: call.caller.organisation.id,
          email,
          role,
          invited_by: call.caller.actor.id,
        });
        await unit.audit("invitation.create", { kind: "invitation", id: email }, { role });
        return created(shownInvitation(row));
      }),
    "invitations.list": async ({ caller, query }) => {
      const page = await database.asTenant(caller.organisation.id, (tx) => listInvitations(tx, pageRequest(query)));
      return ok(pageBody(page, shownInvitation));
    },
    "invitations.delete": async (call) =>
      units.run(call, { principal: principalOf(call) }, async (unit) => {
        const email = call.params.email.toLowerCase();
        if (!(await withdrawInvitation(unit.tx, email))) throw notFound("invitation");
        await unit.audit("invitation.delete", { kind: "invitation", id: email });
        return done();
      }),
  };
}

/** Refuses what would touch an owner without being one, or leave none. The owners stay locked until the unit ends. */
async function guardOwners(
  unit: Unit,
  caller: Caller,
  userId: string,
  makes: boolean,
  unmakes: boolean,
): Promise<void> {
  const owners = await lockOwners(unit.tx);
  const isOwner = owners.includes(userId);
  if ((makes || isOwner) && !owners.includes(caller.actor.id)) throw ownersOnly();
  if (unmakes && isOwner && owners.length === 1)
    throw new ShoalError("conflict", "is the last owner: make somebody else an owner first", { field: "user_id" });
}

function ownersOnly(): ShoalError {
  return new ShoalError("permission_denied", "only an owner makes or unmakes owners");
}

function shown(row: MemberRow): {
  user: { id: string; email: string; name: string };
  role: ReturnType<typeof roleOf>;
  created_at: string;
} {
  return {
    user: { id: row.user_id, email: row.email, name: row.name },
    role: roleOf(row.role),
    created_at: row.created_at.toISOString(),
  };
}

function shownInvitation(row: InvitationRow): {
  email: string;
  role: ReturnType<typeof roleOf>;
  invited_by: string;
  created_at: string;
} {
  return {
    email: row.email,
    role: roleOf(row.role),
    invited_by: row.invited_by,
    created_at: row.created_at.toISOString(),
  };
}
