/**
 * What the ops of one namespace add up to. A namespace is a root group with the tree of groups below it; membership and
 * rights flow down that tree, so it is the whole tree that is one state, folded from one log. Values only, never changed in
 * place: a refused op therefore changes nothing.
 */
import { SortedMap } from "./sorted-map.ts";
import type { ApplicationId, ContextId, GroupId, Hash, PublicKey } from "../../model/ids.ts";

export type Role = "Admin" | "Member" | "ReadOnly" | "ReadOnlyTee";
/** `Restricted` is a wall: nothing is inherited through it. */
export type Visibility = "Open" | "Restricted";

export type UpgradePolicy =
  | { readonly type: "Automatic" }
  | { readonly type: "LazyOnAccess" }
  /** Waits for a person's word, at the latest until `deadlineMs` since the epoch. */
  | { readonly type: "Coordinated"; readonly deadlineMs?: number };

export interface Metadata {
  readonly name?: string;
  readonly data: Readonly<Record<string, string>>;
}

/** Metadata with who wrote it last. */
export interface MetadataRecord extends Metadata {
  readonly atMs: number;
  readonly by: PublicKey;
}

export interface AutoFollow {
  readonly contexts: boolean;
  readonly subgroups: boolean;
}

export interface Member {
  readonly role: Role;
  /** Absent: the group's default applies, also after it changes. */
  readonly capabilities?: number;
  readonly metadata?: MetadataRecord;
  readonly autoFollow: AutoFollow;
  readonly sinceMs: number;
  /** Length of the chain of ops up to the one that gave the role: seniority, which no backdating lowers. */
  readonly depth: number;
  /** Who let them in. */
  readonly by: PublicKey;
}

export interface GroupContext {
  readonly creator: PublicKey;
  readonly visibility: Visibility;
  /** Who may enter while it is restricted, beside the group's own admins. */
  readonly allowlist: ReadonlySet<PublicKey>;
  /** Bits of `CONTEXT_CAPABILITY`. */
  readonly capabilities: ReadonlyMap<PublicKey, number>;
  readonly metadata?: MetadataRecord;
  readonly service?: string;
}

export interface TeePolicy {
  /** Lower-case hex; empty admits nobody. */
  readonly allowedMrtd: readonly string[];
  /** Lower-case hex; an empty register list does not look at that register. */
  readonly allowedRtmr: readonly [readonly string[], readonly string[], readonly string[], readonly string[]];
  /** Empty admits nobody. */
  readonly allowedTcbStatuses: readonly string[];
  readonly acceptMock: boolean;
}

export interface Group {
  readonly id: GroupId;
  /** Absent for the root. */
  readonly parent?: GroupId;
  /** An admin who cannot be removed or demoted before handing the group over. */
  readonly owner: PublicKey;
  readonly createdAtMs: number;
  /** 32 bytes, hex: the blob of the version that contexts are to run. */
  readonly appKey: string;
  readonly targetApplicationId: ApplicationId;
  readonly targetVersion: string;
  /** Runs once per context when it moves to the target. */
  readonly migrateMethod?: string;
  readonly upgradePolicy: UpgradePolicy;
  readonly metadata?: MetadataRecord;
  /** Of this group as seen from its parent; without meaning for the root. */
  readonly visibility: Visibility;
  /** What new contexts start with. */
  readonly defaultVisibility: Visibility;
  readonly defaultCapabilities: number;
  readonly members: ReadonlyMap<PublicKey, Member>;
  /** Removed from here: neither inheritance nor an older invitation brings them back. Value: when. */
  readonly denied: ReadonlyMap<PublicKey, number>;
  readonly contexts: ReadonlyMap<ContextId, GroupContext>;
  /** Invitations that are spent (`once`) or revoked. */
  readonly spentInvitations: ReadonlySet<Hash>;
  readonly teePolicy?: TeePolicy;
  /** Quotes that admitted somebody; each does so once. Hex. */
  readonly spentQuotes: ReadonlySet<string>;
}

/** The key that gossip of a scope is sealed with. */
export interface Rotation {
  /** The group that the scope is, or that its context is in. */
  readonly groupId: GroupId;
  /** SHA-256 of the key, 64 hex digits. */
  readonly keyId: string;
  /** The op that made it, where the boxes are. */
  readonly op: Hash;
  readonly by: PublicKey;
  /** Accounts that were given the key in that op. */
  readonly audience: ReadonlySet<PublicKey>;
}

export interface Namespace {
  readonly id: GroupId;
  /** Empty after the root was deleted; nothing applies then but another `NamespaceCreated` by `heir`. */
  readonly groups: ReadonlyMap<GroupId, Group>;
  /** Greatest nonce of each key that signed an op, effective or not. */
  readonly nonces: ReadonlyMap<PublicKey, number>;
  /** The longest chain of ops that led here, effective or not. */
  readonly depth: number;
  /** Linked devices, each with its account. */
  readonly devices: ReadonlyMap<PublicKey, PublicKey>;
  /** Devices that were unlinked: they stay out. */
  readonly retiredDevices: ReadonlySet<PublicKey>;
  /** Current key of each scope that has one; scope: 64 hex digits, as in `GroupKeyRotated`. */
  readonly rotations: ReadonlyMap<string, Rotation>;
  /** The root's owner when it was deleted. */
  readonly heir?: PublicKey;
}

/** Limits that no op may exceed; each is a refusal `limit`, never a silent drop. */
export const LIMITS = {
  parents: 256,
  /** Groups between a root and its deepest descendant, and the steps of every walk. */
  depth: 16,
  groups: 1024,
  members: 10_000,
  contexts: 10_000,
  denied: 10_000,
  invitations: 10_000,
  quotes: 10_000,
  nameBytes: 64,
  metadataEntries: 64,
  metadataKeyBytes: 64,
  metadataValueBytes: 4096,
  measurements: 64,
  /** Of one account. */
  devices: 16,
  /** Devices that were ever unlinked in a namespace. */
  retiredDevices: 10_000,
  /** Accounts that one rotation boxes its key for; as many as fit one op. */
  boxes: 6_000,
} as const;

export function withGroup(namespace: Namespace, group: Group): Namespace {
  return { ...namespace, groups: put(namespace.groups, group.id, group) };
}

/** The map with one entry set, or without it where `value` is undefined. */
export function put<K extends string, V>(map: ReadonlyMap<K, V>, key: K, value: V | undefined): ReadonlyMap<K, V> {
  const sorted = SortedMap.from(map);
  return value === undefined ? sorted.without(key) : sorted.with(key, value);
}
