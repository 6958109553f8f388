/**
 * Governance of one node: its namespaces, the ops that change them, and what contexts and server ask. Everything is one
 * ledger; this file says in which words it is spoken to.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { identityRow } from "../context/identities.ts";
import type { EventBus } from "../model/event.ts";
import { bytesOf, type GroupId, type PublicKey } from "../model/ids.ts";
import { sign, type KeyPair } from "../model/keys.ts";
import type { Store } from "../storage/store.ts";
import { appKeyOf, pinned, type Catalogue } from "./app-key.ts";
import type { Governance, Joiner, NewGroup } from "./contract.ts";
import { publishChange } from "./events.ts";
import { issueInvitation, joinByInvitation, revocationOf } from "./invitations.ts";
import { groupIdOf } from "./keys.ts";
import { createCompanion } from "./keyring/companion.ts";
import { openLedger, type Change, type Draft, type Ledger, type Located } from "./ledger.ts";
import { createFollowing, unfollowedRow } from "./following.ts";
import { createMembership } from "./membership.ts";
import { createReplica } from "./replica.ts";
import type { Action, GroupSeed } from "./rules/op.ts";
import { accessTo, standingOf, upward } from "./rules/standing.ts";
import { createSigners, type Signers } from "./signers.ts";
import { createUpgrades } from "./upgrades/upgrades.ts";
import type { UpdateContext } from "./upgrades/mover.ts";

export interface GovernanceInit {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly events: EventBus;
  readonly account: KeyPair;
  readonly applications: Catalogue;
  /** Called for upgrades only, so it may wait for a context manager that starts later. */
  readonly updateContext: UpdateContext;
  /** Where this node is reached, as its invitations say. Absent: nowhere. */
  readonly addresses?: () => readonly string[];
  /** Absent on a node without a network. */
  readonly joiner?: Joiner;
}

/** Reads every namespace; upgrades that were open go on after `upgrades.resume()`. */
export async function createGovernance(init: GovernanceInit): Promise<Governance> {
  const { store, clock, random, account, applications, log, addresses = () => [], joiner } = init;
  const told: ((change: Change) => void)[] = [(change) => publishChange(init.events, change)];
  const ledger = await openLedger({
    store,
    clock,
    log,
    companion: createCompanion(account, random.child("keys")),
    applied: (change) => {
      for (const tell of told) tell(change);
    },
  });
  const signers = createSigners(store, ledger, account);
  const upgrades = await createUpgrades({ ...init, ledger, signers });
  const membership = createMembership({ ledger, account, applications, log });
  const following = createFollowing({ store, ledger, account, log });
  const { replica, changed } = createReplica({
    store,
    ledger,
    account,
    clock,
    random: random.child("seals"),
    following,
  });
  told.push(
    changed,
    (change) => following.changed(change),
    (change) => upgrades.arrived(change),
  );
  const group = (groupId: GroupId): Located => located(ledger, groupId);
  const act = async (groupId: GroupId, actions: readonly Action[], requester?: PublicKey): Promise<void> => {
    const signer = signers.signerFor(groupId, requester);
    const drafts = actions.map((action): Draft => ({ groupId, signer, action }));
    await ledger.submit(group(groupId).namespace.id, () => drafts);
  };
  return {
    ...membership,
    beforeUse: (contextId) => upgrades.beforeUse(contextId),
    account: account.publicKey,
    upgrades,
    replica,
    group,
    act,
    groupOf: (contextId) => ledger.groupOf(contextId),
    namespaces: () => [...ledger.namespaces()].filter(({ groups }) => groups.size > 0),
    standing: (groupId, who) => standingOf(group(groupId).namespace, groupId, who),
    memberIdentities: (contextId) => membersOf(ledger, contextId),
    heads: (namespaceId) => replica.heads(namespaceId),
    createGroup: (input) => createGroup({ ledger, signers, random, applications }, input),
    deleteGroup: (groupId, requester) => deleteGroup(ledger, signers, groupId, requester),
    invite: (input) => issueInvitation({ ledger, signers, clock, random, addresses }, input),
    revoke: (groupId, invitation, requester) => act(groupId, [revocationOf(invitation)], requester),
    join: (invitation, who) => joinByInvitation({ ledger, signers, store, clock, joiner }, invitation, who),
    async joinContext(contextId) {
      if (membership.mayExecute(contextId, account.publicKey) === "none") {
        throw new ShoalError("permission_denied", "the account may not enter the context", { field: "contextId" });
      }
      const identity = identityRow(contextId, account.publicKey, account.secret);
      await store.apply([identity, unfollowedRow(contextId, true)]);
      await store.durable();
      following.refresh();
    },
    joinOpen: (groupId) => joinOpen(group(groupId), account.publicKey, act),
    keepSigningKey: (groupId, seed) => signers.keep(group(groupId).group.id, seed),
    signAsAccount: (message) => sign(account.secret, message),
    close: () => upgrades.close(),
  };
}

async function joinOpen(
  { group }: Located,
  who: PublicKey,
  act: (groupId: GroupId, actions: readonly Action[]) => Promise<void>,
): Promise<{ readonly wasInherited: boolean }> {
  if (group.members.has(who)) return { wasInherited: false };
  await act(group.id, [{ type: "MemberJoinedOpen" }]);
  return { wasInherited: true };
}

function located(ledger: Ledger, groupId: GroupId): Located {
  const found = ledger.find(groupId);
  if (found === undefined) throw new ShoalError("not_found", "this node is in no such group", { field: "groupId" });
  return found;
}

interface CreateParts {
  readonly ledger: Ledger;
  readonly signers: Signers;
  readonly random: Random;
  readonly applications: Catalogue;
}

async function createGroup({ ledger, signers, random, applications }: CreateParts, input: NewGroup): Promise<GroupId> {
  const { parentId, requester } = input;
  const id = input.groupId ?? groupIdOf(random.bytes(32));
  const application = await pinned(applications, input.applicationId, input.appKey);
  const seed: GroupSeed = {
    appKey: input.appKey ?? appKeyOf(application),
    applicationId: input.applicationId,
    version: application.version,
    upgradePolicy: input.upgradePolicy,
    visibility: input.visibility,
    ...(input.name === undefined ? {} : { name: input.name }),
  };
  const signer = signers.signerFor(parentId ?? id, requester);
  if (parentId === undefined) {
    await ledger.submit(id, () => [{ groupId: id, signer, action: { type: "NamespaceCreated", seed } }]);
  } else {
    const action = { type: "SubgroupCreated", childGroupId: id, seed } as const;
    await ledger.submit(located(ledger, parentId).namespace.id, () => [{ groupId: parentId, signer, action }]);
  }
  return id;
}

async function deleteGroup(
  ledger: Ledger,
  signers: Signers,
  groupId: GroupId,
  requester: PublicKey | undefined,
): Promise<void> {
  const { namespace, group } = located(ledger, groupId);
  const signer = signers.signerFor(groupId, requester);
  const inside = standingOf(namespace, groupId, signer.publicKey)?.admin === true;
  const draft: Draft =
    inside || group.parent === undefined
      ? { groupId, signer, action: { type: "GroupDelete" } }
      : { groupId: group.parent, signer, action: { type: "SubgroupRemoved", childGroupId: groupId } };
  await ledger.submit(namespace.id, () => [draft]);
}

function membersOf(ledger: Ledger, contextId: Parameters<Governance["memberIdentities"]>[0]): readonly PublicKey[] {
  const groupId = ledger.groupOf(contextId);
  const found = groupId === undefined ? undefined : ledger.find(groupId);
  const context = found?.group.contexts.get(contextId);
  if (found === undefined || context === undefined) return [];
  const candidates = new Set<PublicKey>();
  for (const group of upward(found.namespace, found.group.id, true)) {
    for (const who of group.members.keys()) candidates.add(who);
  }
  return [...candidates]
    .filter((who) => accessTo(context, standingOf(found.namespace, found.group.id, who), who) !== "none")
    .sort((a, b) => Buffer.compare(bytesOf(a), bytesOf(b)));
}
