/**
 * Rows of the `group` column: a prefix byte, then the group (or namespace), then what tells rows of a kind apart. Prefixes
 * are upstream's where it has one for the same thing. State has no rows: it is what the log adds up to, and is folded from it.
 */
import type { ContextId, GroupId, Hash, PublicKey } from "../model/ids.ts";
import { bytesOf } from "../model/ids.ts";
import { keyOf, prefixRange, u64Key } from "../storage/keys.ts";
import type { Range } from "../storage/store.ts";

export const PREFIX = {
  /** Context -> the namespace that it belongs to here; see `places.ts`. */
  contextHome: 0x23,
  /** Node-local: how far this node is with an upgrade. */
  upgrade: 0x24,
  /** Node-local: secrets that this node signs with for others' requests. */
  signingKey: 0x25,
  op: 0x30,
  /** Ours from here on. */
  format: 0x51,
  /** Group -> the namespace that it belongs to here. */
  groupHome: 0x52,
  /** Namespaces whose log may come here. */
  expected: 0x53,
  /** Ops that wait. */
  waiting: 0x54,
  /** Keys that gossip is sealed with. */
  scopeKey: 0x55,
  /** Contexts that a person let go of: not followed. */
  unfollowed: 0x56,
} as const;
export type Prefix = (typeof PREFIX)[keyof typeof PREFIX];

export function groupBytes(id: GroupId): Uint8Array {
  return Uint8Array.from(Buffer.from(id, "hex"));
}

export function groupIdOf(bytes: Uint8Array): GroupId {
  return Buffer.from(bytes).toString("hex") as GroupId;
}

/** A context's group where none is named for it: the same 32 bytes. */
export function ownGroupOf(contextId: ContextId): GroupId {
  return groupIdOf(bytesOf(contextId));
}

export function groupKey(prefix: Prefix, group: GroupId, ...rest: readonly Uint8Array[]): Uint8Array {
  return keyOf(Uint8Array.of(prefix), groupBytes(group), ...rest);
}

export const idKey = (prefix: Prefix, group: GroupId, id: PublicKey | ContextId | Hash): Uint8Array =>
  groupKey(prefix, group, bytesOf(id));

export const contextKey = (prefix: Prefix, context: ContextId): Uint8Array =>
  keyOf(Uint8Array.of(prefix), bytesOf(context));

export const opKey = (namespace: GroupId, sequence: number): Uint8Array =>
  groupKey(PREFIX.op, namespace, u64Key(BigInt(sequence)));

/** All rows of a kind. */
export function prefixOf(prefix: Prefix): Range {
  return prefixRange(Uint8Array.of(prefix));
}

/** The group within a key. */
export const groupInKey = (key: Uint8Array): GroupId => groupIdOf(key.subarray(1, 33));
/** What comes after the group. */
export const restOfKey = (key: Uint8Array): Uint8Array => key.subarray(33);
