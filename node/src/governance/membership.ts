/** What contexts ask of governance (`context/membership.ts`): which group they come into, and who may do what in them. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { AdmitInput, Membership, Placement } from "../context/membership.ts";
import { MAX_POSITION } from "../dag/delta.ts";
import { bytesOf, type ContextId, type GroupId } from "../model/ids.ts";
import { appKeyOf, installed, type Catalogue } from "./app-key.ts";
import { createMerger, type MergerInit } from "./merge-heads.ts";
import { unfollowedRow } from "./following.ts";
import { ownGroupOf } from "./keys.ts";
import type { Draft, Ledger } from "./ledger.ts";
import type { GroupSeed } from "./rules/op.ts";
import type { Group } from "./rules/state.ts";
import { accessTo, accountOf, mayMove, rulesFromAbove, standingOf } from "./rules/standing.ts";

export interface MembershipInit extends MergerInit {
  readonly applications: Catalogue;
}

interface Place extends Placement {
  readonly namespaceId: GroupId;
}

/** Where a context comes to be; throws `not_found` for a group that this node is not in. */
function placeOf(ledger: Ledger, { contextId, groupId }: AdmitInput): Place {
  if (groupId === undefined) {
    const own = ownGroupOf(contextId);
    return { groupId: own, groupCreated: true, namespaceId: own };
  }
  const found = ledger.find(groupId);
  if (found === undefined) {
    throw new ShoalError("not_found", "this node is in no such group", { field: "groupId" });
  }
  return { groupId, groupCreated: false, namespaceId: found.namespace.id };
}

/** The ops that take a context in: its own group where none is named, its creator where they are no member yet. */
function draftsFor(
  { ledger, account }: MembershipInit,
  input: AdmitInput,
  runs: Pick<GroupSeed, "appKey" | "version">,
): readonly Draft[] {
  const { groupId, groupCreated } = placeOf(ledger, input);
  const { contextId, identity, name, service } = input;
  const drafts: Draft[] = [];
  const add = (action: Draft["action"]): void => void drafts.push({ groupId, signer: account, action });
  if (groupCreated) {
    const upgradePolicy = { type: "Automatic" } as const;
    const seed = { ...runs, applicationId: input.applicationId, upgradePolicy, visibility: "Open" } as const;
    add({ type: "NamespaceCreated", seed });
  }
  const namespace = groupCreated ? undefined : ledger.find(groupId)?.namespace;
  const known = namespace !== undefined && standingOf(namespace, groupId, identity) !== undefined;
  if (identity !== account.publicKey && !known) {
    add({ type: "MemberAdded", member: identity, role: groupCreated ? "Admin" : "Member" });
  }
  add({
    type: "ContextRegistered",
    contextId,
    creator: identity,
    ...(name === undefined ? {} : { name }),
    ...(service === undefined ? {} : { service }),
  });
  return drafts;
}

export function createMembership(init: MembershipInit): Omit<Membership, "beforeUse"> {
  const { ledger, account, applications } = init;
  const standingIn = (contextId: ContextId, identity: AdmitInput["identity"]) => {
    const groupId = ledger.groupOf(contextId);
    const found = groupId === undefined ? undefined : ledger.find(groupId);
    const context = found?.group.contexts.get(contextId);
    if (found === undefined || context === undefined) return undefined;
    const standing = standingOf(found.namespace, found.group.id, identity);
    return { context, group: found.group, standing, who: accountOf(found.namespace, identity) };
  };
  const merge = createMerger(init);
  return {
    placeFor(input) {
      const { namespaceId, groupId, groupCreated } = placeOf(ledger, input);
      ledger.rehearse(namespaceId, draftsFor(init, input, ANY_VERSION));
      return { groupId, groupCreated, ...versionOf(ledger.find(groupId)?.group, input) };
    },
    async admit(input, commit) {
      const application = await installed(applications, input.applicationId);
      const runs = { appKey: appKeyOf(application), version: application.version };
      await ledger.submit(
        placeOf(ledger, input).namespaceId,
        () => draftsFor(init, input, runs),
        (rows, _, heads) => commit(rows, heads),
      );
    },
    async release(contextId, commit) {
      const groupId = ledger.groupOf(contextId);
      const found = groupId === undefined ? undefined : ledger.find(groupId);
      if (found === undefined) return commit([]);
      const { namespace, group } = found;
      // A copy of what others govern leaves this node only; the group keeps the context.
      if (!rulesFromAbove(namespace, group.id, accountOf(namespace, account.publicKey))) {
        return commit([unfollowedRow(contextId, false)]);
      }
      const detach: Draft = { groupId: group.id, signer: account, action: { type: "ContextDetached", contextId } };
      const last: Draft = { groupId: group.id, signer: account, action: { type: "GroupDelete" } };
      await ledger.submit(
        namespace.id,
        () => {
          const now = ledger.find(group.id);
          const alone = now?.namespace.groups.size === 1 && now.group.contexts.size === 1;
          return group.id === ownGroupOf(contextId) && alone ? [detach, last] : [detach];
        },
        (rows) => commit(rows),
      );
    },
    mayExecute(contextId, identity) {
      const found = standingIn(contextId, identity);
      return found === undefined ? "none" : accessTo(found.context, found.standing, found.who);
    },
    position(contextId) {
      const groupId = ledger.groupOf(contextId);
      const found = groupId === undefined ? undefined : ledger.find(groupId);
      if (found === undefined) return [];
      const heads = ledger.book(found.namespace.id)?.history.heads ?? [];
      if (heads.length > MAX_POSITION) merge(found.namespace.id, found.group.id);
      return heads.toSorted((a, b) => Buffer.compare(bytesOf(a), bytesOf(b))).slice(0, MAX_POSITION);
    },
    mayUpdate(contextId, identity, target) {
      const found = standingIn(contextId, identity);
      return found !== undefined && mayMove(found.group, found.context, found.standing, found.who, target);
    },
    mayCallAcross(source, target) {
      const [from, to] = [ledger.groupOf(source), ledger.groupOf(target)];
      if (from === undefined || to === undefined) return false;
      return ledger.find(from)?.namespace.id === ledger.find(to)?.namespace.id;
    },
  };
}

/** What the group has decided; of another application it says nothing. */
function versionOf(group: Group | undefined, { applicationId }: AdmitInput): { readonly version?: string } {
  return group?.targetApplicationId === applicationId ? { version: group.targetVersion } : {};
}

/** Which version it is does not matter to a rehearsal. */
const ANY_VERSION = { appKey: "0".repeat(64), version: "" };
