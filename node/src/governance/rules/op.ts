/**
 * Ops: what may happen to a group, as data. The list is upstream's second generation plus what clients of the third use
 * (subgroup visibility, metadata, leaving, reparenting, auto-follow, ownership) and the revocation of invitations.
 */
import type { ApplicationId, ContextId, GroupId, Hash, PublicKey } from "../../model/ids.ts";
import type { AutoFollow, Metadata, Role, TeePolicy, UpgradePolicy, Visibility } from "./state.ts";

/** What a new group starts with. */
export interface GroupSeed {
  readonly appKey: string;
  readonly applicationId: ApplicationId;
  readonly version: string;
  readonly upgradePolicy: UpgradePolicy;
  readonly visibility: Visibility;
  readonly name?: string;
}

/** Lets its holder in until it expires. Signed by `inviter` over its own domain: see `invitationBytes`. */
export interface Invitation {
  readonly inviter: PublicKey;
  readonly groupId: GroupId;
  /** The op that founded the namespace: by it a joiner knows the right log from a made-up one. */
  readonly genesis?: Hash;
  /** The context it leads to; where that is restricted, it opens it too if the inviter could. */
  readonly contextId?: ContextId;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  /** 32 bytes, hex: tells two invitations of one moment apart. */
  readonly salt: string;
  /** Only this key may use it. */
  readonly invitee?: PublicKey;
  /** Spent by the first who uses it. */
  readonly once: boolean;
}

interface Claim {
  readonly invitation: Invitation;
  /** Ed25519 by the inviter, base58. The joiner's consent is the op's own signature. */
  readonly inviterSignature: string;
}

interface ContextRight {
  readonly contextId: ContextId;
  readonly member: PublicKey;
  /** Bit number. */
  readonly capability: number;
}

export interface TeeEvidence {
  /** SHA-256 of the quote, hex. */
  readonly quoteHash: string;
  readonly mrtd: string;
  readonly rtmr: readonly [string, string, string, string];
  readonly tcbStatus: string;
  readonly mock: boolean;
}

export type Action =
  | { readonly type: "NamespaceCreated"; readonly seed: GroupSeed }
  | { readonly type: "Noop" }
  | { readonly type: "MemberAdded"; readonly member: PublicKey; readonly role: Role }
  | { readonly type: "MemberRemoved"; readonly member: PublicKey }
  | { readonly type: "MemberLeft" }
  | { readonly type: "MemberRoleSet"; readonly member: PublicKey; readonly role: Role }
  | { readonly type: "MemberCapabilitySet"; readonly member: PublicKey; readonly capabilities: number }
  | { readonly type: "DefaultCapabilitiesSet"; readonly capabilities: number }
  | { readonly type: "UpgradePolicySet"; readonly policy: UpgradePolicy }
  | {
      readonly type: "TargetApplicationSet";
      readonly appKey: string;
      readonly applicationId: ApplicationId;
      readonly version: string;
      /** Also for the open groups below that run what this one ran. */
      readonly cascade: boolean;
      /** Part of the same op: a target without the migration that leads there would be another upgrade. */
      readonly migrateMethod?: string;
    }
  | { readonly type: "GroupMigrationSet"; readonly migrateMethod?: string }
  | {
      readonly type: "ContextRegistered";
      readonly contextId: ContextId;
      /** A member; absent: the signer. */
      readonly creator?: PublicKey;
      readonly name?: string;
      readonly service?: string;
    }
  | { readonly type: "ContextDetached"; readonly contextId: ContextId }
  | { readonly type: "DefaultVisibilitySet"; readonly visibility: Visibility }
  | { readonly type: "ContextVisibilitySet"; readonly contextId: ContextId; readonly visibility: Visibility }
  | {
      readonly type: "ContextAllowlistReplaced";
      readonly contextId: ContextId;
      readonly members: readonly PublicKey[];
    }
  | { readonly type: "ContextAliasSet"; readonly contextId: ContextId; readonly alias: string }
  | { readonly type: "MemberAliasSet"; readonly member: PublicKey; readonly alias: string }
  | { readonly type: "GroupAliasSet"; readonly alias: string }
  | { readonly type: "ContextMetadataSet"; readonly contextId: ContextId; readonly metadata: Metadata }
  | { readonly type: "MemberMetadataSet"; readonly member: PublicKey; readonly metadata: Metadata }
  | { readonly type: "GroupMetadataSet"; readonly metadata: Metadata }
  | { readonly type: "GroupDelete" }
  | ({ readonly type: "JoinWithInvitationClaim" } & Claim)
  | ({ readonly type: "MemberJoinedViaContextInvitation" } & Claim)
  | { readonly type: "InvitationRevoked"; readonly invitation: Hash }
  | { readonly type: "MemberJoinedOpen" }
  | ({ readonly type: "ContextCapabilityGranted" } & ContextRight)
  | ({ readonly type: "ContextCapabilityRevoked" } & ContextRight)
  | { readonly type: "SubgroupCreated"; readonly childGroupId: GroupId; readonly seed: GroupSeed }
  | { readonly type: "SubgroupRemoved"; readonly childGroupId: GroupId }
  | { readonly type: "SubgroupVisibilitySet"; readonly visibility: Visibility }
  | { readonly type: "GroupReparented"; readonly newParentId: GroupId }
  | { readonly type: "MemberSetAutoFollow"; readonly member: PublicKey; readonly autoFollow: AutoFollow }
  | { readonly type: "TransferOwnership"; readonly newOwner: PublicKey }
  | { readonly type: "TeeAdmissionPolicySet"; readonly policy: TeePolicy }
  | {
      readonly type: "MemberJoinedViaTeeAttestation";
      readonly member: PublicKey;
      readonly evidence: TeeEvidence;
      readonly role: Role;
    }
  | {
      readonly type: "GroupKeyRotated";
      /** 64 hex digits: the group's id, or a restricted context's 32 bytes. */
      readonly scope: string;
      /** SHA-256 of the key, 64 hex digits. */
      readonly keyId: string;
      /** Who the key is for: each with a sealed box of it, base64 of 80 to 128 bytes. */
      readonly boxes: Readonly<Record<PublicKey, string>>;
    }
  | {
      readonly type: "AccountDeviceLinked";
      /** Acts with the standing of the account that signs this, from here on. */
      readonly device: PublicKey;
      /** Ed25519 by the device over `deviceBytes`, base58: its consent. */
      readonly proof: string;
    }
  | { readonly type: "AccountDeviceUnlinked"; readonly device: PublicKey };

export type ActionType = Action["type"];
export type ActionOf<T extends ActionType> = Extract<Action, { readonly type: T }>;

/** The only version there is; another one is refused, not guessed at. */
export const OP_VERSION = 1;

export interface Op {
  readonly version: number;
  readonly namespaceId: GroupId;
  /** The group of the namespace that it is about. */
  readonly groupId: GroupId;
  /** Heads of the namespace's log that the signer had seen. */
  readonly parents: readonly Hash[];
  readonly signer: PublicKey;
  /** Grows with each op of this signer in this namespace, from 1. */
  readonly nonce: number;
  /** Signer's wall clock; what expiry is judged by, so that every node reaches the same verdict. */
  readonly atMs: number;
  readonly action: Action;
}

export interface SignedOp extends Op {
  /** Ed25519 over `opBytes`, base58. */
  readonly signature: string;
}

/** An op with its name: the hash of `opBytes`. */
export interface LoggedOp {
  readonly hash: Hash;
  readonly op: SignedOp;
}
