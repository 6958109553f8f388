/** What holds of every state that any sequence of ops leads to, whoever signs what. */
import type { Action } from "@shoal/node/governance/rules/op.ts";
import { groupWithoutAdmin, standingOf } from "@shoal/node/governance/rules/standing.ts";
import type { Namespace } from "@shoal/node/governance/rules/state.ts";
import type { GroupId } from "@shoal/node/model/ids.ts";
import type { KeyPair } from "@shoal/node/model/keys.ts";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { filled } from "./branches.ts";
import {
  alice,
  applicationId,
  bob,
  carol,
  CHILD,
  contextId,
  dave,
  eve,
  founded,
  GRANDCHILD,
  invitation,
  ROOT,
  seed,
  textOf,
  type Stage,
} from "./people.ts";

const people = [alice, bob, carol, dave, eve];
const groups = [ROOT, CHILD, GRANDCHILD];

const who = fc.constantFrom(...people);
const key = who.map((person) => person.publicKey);
const group = fc.constantFrom(...groups);
const context = fc.constantFrom(contextId(1), contextId(2));
const visibility = fc.constantFrom("Open" as const, "Restricted" as const);
const role = fc.constantFrom("Admin" as const, "Member" as const, "ReadOnly" as const);
const mask = fc.integer({ min: 0, max: 511 });

const typed = <T extends Action["type"]>(type: T, fields: object = {}): fc.Arbitrary<Action> =>
  fc.record({ type: fc.constant(type), ...fields }) as fc.Arbitrary<unknown> as fc.Arbitrary<Action>;

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: typed("MemberAdded", { member: key, role }) },
  { weight: 3, arbitrary: typed("MemberRemoved", { member: key }) },
  typed("MemberLeft"),
  { weight: 2, arbitrary: typed("MemberRoleSet", { member: key, role }) },
  { weight: 3, arbitrary: typed("MemberCapabilitySet", { member: key, capabilities: mask }) },
  typed("DefaultCapabilitiesSet", { capabilities: mask }),
  { weight: 2, arbitrary: typed("SubgroupCreated", { childGroupId: group, seed: visibility.map(seeded) }) },
  typed("SubgroupRemoved", { childGroupId: group }),
  typed("SubgroupVisibilitySet", { visibility }),
  typed("GroupReparented", { newParentId: group }),
  typed("GroupDelete"),
  typed("MemberJoinedOpen"),
  typed("TransferOwnership", { newOwner: key }),
  { weight: 2, arbitrary: typed("ContextRegistered", { contextId: context, creator: key }) },
  typed("ContextDetached", { contextId: context }),
  typed("ContextVisibilitySet", { contextId: context, visibility }),
  typed("ContextAllowlistReplaced", { contextId: context, members: fc.array(key, { maxLength: 3 }) }),
  typed("ContextCapabilityGranted", { contextId: context, member: key, capability: fc.integer({ min: 0, max: 9 }) }),
  typed("GroupAliasSet", { alias: fc.constantFrom("", "x") }),
  typed("MemberMetadataSet", { member: key, metadata: fc.constant({ data: { a: "b" } }) }),
  typed("MemberSetAutoFollow", { member: key, autoFollow: fc.constant({ contexts: false, subgroups: true }) }),
  typed("TargetApplicationSet", {
    appKey: fc.constant(seed.appKey),
    applicationId: fc.constantFrom(applicationId(1), applicationId(2)),
    version: fc.constantFrom("1.0.0", "2.0.0"),
    cascade: fc.boolean(),
  }),
);

function seeded(visibility: "Open" | "Restricted"): typeof seed {
  return { ...seed, visibility };
}

/** Where most rules have something to bite on: two admins, a manager with every right, subgroups of his, open and walled. */
function populated(): Stage {
  const stage = founded();
  stage.act(alice, ROOT, { type: "MemberAdded", member: bob.publicKey, role: "Member" });
  stage.act(alice, ROOT, { type: "MemberCapabilitySet", member: bob.publicKey, capabilities: 511 });
  stage.act(alice, ROOT, { type: "MemberAdded", member: carol.publicKey, role: "Admin" });
  stage.act(bob, ROOT, { type: "SubgroupCreated", childGroupId: CHILD, seed: seeded("Open") });
  stage.act(bob, CHILD, { type: "SubgroupCreated", childGroupId: GRANDCHILD, seed: seeded("Restricted") });
  return stage;
}

type Step =
  | { readonly who: KeyPair; readonly group: GroupId; readonly action: Action }
  | { readonly who: KeyPair; readonly group: GroupId; readonly inviter: KeyPair; readonly once: boolean };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ who, group, action }) },
  { weight: 1, arbitrary: fc.record({ who, group, inviter: who, once: fc.boolean() }) },
);

function actionOf(stage: Stage, one: Step): Action {
  if ("action" in one) return one.action;
  const made = invitation(one.inviter, stage, { groupId: one.group, once: one.once });
  return { type: "JoinWithInvitationClaim", ...made };
}

const admins = (state: Namespace | undefined): ReadonlySet<string> =>
  new Set(
    groups.flatMap((id) =>
      people
        .filter((each) => state !== undefined && standingOf(state, id, each.publicKey)?.admin === true)
        .map((each) => `${each.publicKey} in ${id}`),
    ),
  );

const grants = new Set(["MemberAdded", "MemberRoleSet", "TransferOwnership"]);
const masking = new Set(["MemberCapabilitySet", "DefaultCapabilitiesSet"]);

test("always governed, never changed by a refusal, never more than the signer may", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const stage = populated();
      for (const one of steps) {
        stage.atMs += 1000;
        const act = actionOf(stage, one);
        const before = stage.state;
        const text = textOf(before);
        const wasAdmin = before !== undefined && standingOf(before, one.group, one.who.publicKey)?.admin === true;
        const verdict = stage.act(one.who, one.group, act);
        if ("refused" in verdict) {
          expect(textOf(stage.state)).toEqual(text);
          continue;
        }
        const { state } = stage;
        if (state === undefined) throw new Error("an accepted op leaves a state");
        expect(groupWithoutAdmin(state)).toBeUndefined();
        for (const each of state.groups.values()) {
          // An owner below may have been taken out from above, where admins from above are left; nowhere else.
          if (each.parent === undefined) expect(each.members.get(each.owner)?.role).toBe("Admin");
        }
        if (grants.has(act.type) && !wasAdmin) {
          for (const one of admins(state)) expect(admins(before)).toContain(one);
        }
        if (masking.has(act.type)) expect(wasAdmin).toBe(true);
      }
    }),
    { numRuns: 200 },
  );
});

test("who is nobody anywhere changes nothing but by an invitation", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.array(action, { maxLength: 20 }), (steps, tries) => {
      const stage = populated();
      for (const one of steps) stage.act(one.who, one.group, actionOf(stage, one));
      const strangers = people.filter((each) =>
        groups.every((id) => stage.state === undefined || standingOf(stage.state, id, each.publicKey) === undefined),
      );
      const text = textOf(stage.state);
      for (const stranger of strangers) {
        for (const id of groups) for (const one of tries) expect(stage.try(stranger, id, one)).not.toBe("ok");
      }
      expect(textOf(stage.state)).toEqual(text);
    }),
    { numRuns: 100 },
  );
});

test("a log gives the state back that its ops led to, one by one", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const stage = populated();
      for (const one of steps) {
        stage.atMs += 1000;
        stage.act(one.who, one.group, actionOf(stage, one));
      }
      const history = filled(stage.log);
      expect(textOf(history.state)).toEqual(textOf(stage.state));
      expect(history.heads).toEqual([stage.log.at(-1)?.hash]);
      expect(history.ops()).toEqual(stage.log);
    }),
    { numRuns: 60 },
  );
});
