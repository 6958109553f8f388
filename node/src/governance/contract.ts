/** What the server and the wiring ask of governance; what contexts ask is `context/membership.ts`. */
import type { Membership } from "../context/membership.ts";
import type { ApplicationId, ContextId, GroupId, Hash, PublicKey } from "../model/ids.ts";
import type { Located } from "./ledger.ts";
import type { Action, Invitation } from "./rules/op.ts";
import type { GovernanceReplica } from "./replication.ts";
import type { Standing } from "./rules/standing.ts";
import type { Namespace, UpgradePolicy, Visibility } from "./rules/state.ts";
import type { Upgrades } from "./upgrades/upgrades.ts";

export interface NewGroup {
  /** Absent: random. */
  readonly groupId?: GroupId;
  /** 64 hex digits: the blob of the version to run; absent: of the newest. */
  readonly appKey?: string;
  readonly applicationId: ApplicationId;
  readonly upgradePolicy: UpgradePolicy;
  readonly name?: string;
  /** Absent: a root, that is a namespace. */
  readonly parentId?: GroupId;
  /** Of a subgroup: whether members of its parent are members of it. */
  readonly visibility: Visibility;
  readonly requester?: PublicKey;
}

export interface NewInvitation {
  readonly groupId: GroupId;
  readonly contextId?: ContextId;
  readonly expiresAtMs: number;
  readonly invitee?: PublicKey;
  readonly once: boolean;
  readonly requester?: PublicKey;
}

export interface SignedInvitation {
  readonly invitation: Invitation;
  /** Ed25519, base58. */
  readonly inviterSignature: string;
  /** Multiaddresses at which the inviter's node may be reached: a hint that nobody signed. */
  readonly peers?: readonly string[];
}

/** Brings the log of a namespace that only others have. */
export interface Joiner {
  /**
   * Shows the invitation to peers, those that it names first, and has what they tell received; resolves when the log is here.
   * Rejects `unavailable` where no peer knows the group or lets this node see it.
   */
  bring(invitation: SignedInvitation): Promise<void>;
}

export interface Governance extends Membership {
  /** The account in whose name this node acts. */
  readonly account: PublicKey;
  readonly upgrades: Upgrades;
  /** What `sync/` and contexts ask: ops that come and go, rights at a cut, and keys. */
  readonly replica: GovernanceReplica;
  groupOf(contextId: ContextId): GroupId | undefined;
  /** Throws `not_found` where this node is in no such group. */
  group(groupId: GroupId): Located;
  namespaces(): readonly Namespace[];
  /** undefined for a stranger. */
  standing(groupId: GroupId, who: PublicKey): Standing | undefined;
  /** Members with access to the context, direct and inherited, sorted; empty where it is in no group. */
  memberIdentities(contextId: ContextId): readonly PublicKey[];
  /** Heads of the namespace's log: equal heads, equal state. */
  heads(namespaceId: GroupId): readonly Hash[];

  createGroup(input: NewGroup): Promise<GroupId>;
  /** Deletes a group; where the signer rules it only from above, as a subgroup of its parent. */
  deleteGroup(groupId: GroupId, requester?: PublicKey): Promise<void>;
  /** Signs and stores actions on a group, all or none, judged in order. Rejects with the refusal as a `ShoalError`. */
  act(groupId: GroupId, actions: readonly Action[], requester?: PublicKey): Promise<void>;
  invite(input: NewInvitation): SignedInvitation;
  revoke(groupId: GroupId, invitation: Invitation, requester?: PublicKey): Promise<void>;
  /** `joiner`: a key that this node holds; absent: its account. `unavailable` for a group that only other nodes have. */
  join(invitation: SignedInvitation, joiner?: PublicKey): Promise<void>;
  /** Lets the account act in a context that it may enter. `permission_denied` otherwise. */
  joinContext(contextId: ContextId): Promise<void>;
  /** Writes down a membership that an open group inherits. */
  joinOpen(groupId: GroupId): Promise<{ readonly wasInherited: boolean }>;
  /** Keeps a 32-byte seed that requests in this group may be signed with. */
  keepSigningKey(groupId: GroupId, seed: Uint8Array): Promise<PublicKey>;
  /** 64-byte Ed25519 signature by the account. */
  signAsAccount(message: Uint8Array): Uint8Array;
  /** Stops moving contexts; what is open resumes at the next start. */
  close(): Promise<void>;
}
