/**
 * One op against one state: the whole of governance is this function, folded over a log. It is total: every op either gives
 * the next state or is refused with a reason, and a refused op changes nothing but what is known of its signer's nonce.
 */
import type { Hash, PublicKey } from "../../model/ids.ts";
import type { Case, Crypto, Kind, Kinds, Refusal, Take } from "./case.ts";
import { newGroup } from "./changes.ts";
import { CONTEXT_KINDS } from "./contexts.ts";
import { DEVICE_KINDS } from "./devices.ts";
import { INVITATION_KINDS } from "./invitations.ts";
import { KEY_KINDS } from "./keys.ts";
import { MEMBER_KINDS } from "./members.ts";
import { METADATA_KINDS } from "./metadata.ts";
import type { Action, ActionType, SignedOp } from "./op.ts";
import { SETTINGS_KINDS } from "./settings.ts";
import { accountOf, groupWithoutAdmin, standingOf } from "./standing.ts";
import { put, type Namespace } from "./state.ts";
import { TEE_KINDS } from "./tee.ts";
import { TREE_KINDS } from "./tree.ts";

export type Verdict =
  | { readonly state: Namespace }
  | { readonly refused: { readonly reason: Refusal; readonly because: string } };

/** An op with its name and its place in the DAG: the length of the longest chain of ops up to it. */
export interface PlacedOp {
  readonly op: SignedOp;
  readonly hash: Hash;
  readonly depth: number;
}

const KINDS: Kinds<Exclude<ActionType, "NamespaceCreated">> = {
  ...MEMBER_KINDS,
  ...CONTEXT_KINDS,
  ...METADATA_KINDS,
  ...SETTINGS_KINDS,
  ...TREE_KINDS,
  ...INVITATION_KINDS,
  ...TEE_KINDS,
  ...KEY_KINDS,
  ...DEVICE_KINDS,
};

// The table pairs each type with its own kind; the index cannot tell the compiler that this is the pair.
const kindOf = (action: Exclude<Action, { type: "NamespaceCreated" }>): Kind<ActionType> =>
  KINDS[action.type] as unknown as Kind<ActionType>;

const refuse = (reason: Refusal, because: string): Verdict => ({ refused: { reason, because } });

/** Nothing but the log's own tale: what any op leaves behind, refused or not. */
export function noted(namespace: Namespace, { op, depth }: PlacedOp): Namespace {
  const nonce = namespace.nonces.get(op.signer) ?? 0;
  if (nonce >= op.nonce && namespace.depth >= depth) return namespace;
  return {
    ...namespace,
    nonces: nonce >= op.nonce ? namespace.nonces : put(namespace.nonces, op.signer, op.nonce),
    depth: Math.max(namespace.depth, depth),
  };
}

const EMPTY: Omit<Namespace, "id"> = {
  groups: new Map(),
  nonces: new Map(),
  depth: 0,
  devices: new Map(),
  retiredDevices: new Set(),
  rotations: new Map(),
};

/** The first op makes the namespace; one whose root was deleted is made again by its last owner, and its log goes on. */
function found(before: Namespace | undefined, { op, depth }: PlacedOp): Verdict {
  if (op.action.type !== "NamespaceCreated") return refuse("unknown_group", "there is no such namespace");
  const namespace = before ?? { ...EMPTY, id: op.namespaceId };
  if (namespace.groups.size > 0) return refuse("already_exists", "the namespace exists");
  const signer = accountOf(namespace, op.signer);
  if (namespace.heir !== undefined && namespace.heir !== signer) {
    return refuse("not_permitted", "a namespace is made again by its last owner only");
  }
  const root = newGroup(op.namespaceId, undefined, op.action.seed, signer, { atMs: op.atMs, depth });
  const { heir: _, ...rest } = namespace;
  return { state: { ...rest, groups: put(rest.groups, root.id, root) } };
}

/** Keys that an action names as those of accounts. */
function accountsNamed(action: Action): readonly PublicKey[] {
  if (action.type === "ContextAllowlistReplaced") return action.members;
  if (action.type === "TransferOwnership") return [action.newOwner];
  if (action.type === "ContextRegistered") return action.creator === undefined ? [] : [action.creator];
  return "member" in action ? [action.member] : [];
}

function caseOf(namespace: Namespace, { op, hash, depth }: PlacedOp, crypto: Crypto): Case<ActionType> | undefined {
  const group = namespace.groups.get(op.groupId);
  if (group === undefined || op.namespaceId !== namespace.id) return undefined;
  const standing = standingOf(namespace, group.id, op.signer);
  const { signer: key, atMs, action } = op;
  return { namespace, group, signer: accountOf(namespace, key), key, standing, atMs, hash, depth, action, crypto };
}

/**
 * The state after an op where it stands, or why there is none. `namespace` is undefined before the op that creates it. Form
 * (`form.ts`) and nonce (`repeats`) are the caller's to have looked at; parents are the log's business.
 */
export function applyAt(namespace: Namespace | undefined, placed: PlacedOp, crypto: Crypto): Verdict {
  const { action } = placed.op;
  if (action.type === "NamespaceCreated" || namespace === undefined) return found(namespace, placed);
  const one = caseOf(namespace, placed, crypto);
  if (one === undefined) return refuse("unknown_group", "there is no such group in the namespace");
  if (accountsNamed(action).some((key) => namespace.devices.has(key))) {
    return refuse("invalid", "the key is a device; its account is what has a place in a group");
  }
  const kind = kindOf(action);
  const against = kind.refuse.find((rule) => rule.when(one));
  if (against !== undefined) return refuse(against.then, against.because);
  const after = kind.effect(one);
  if (kind.checksAdmins === true) {
    const orphan = groupWithoutAdmin(after);
    if (orphan !== undefined) return refuse("last_admin", `nobody would govern the group ${orphan} any more`);
  }
  return { state: after };
}

/** Whether the signer had gone on when the op was made: its nonce is no greater than one among its ancestors. */
export function repeats(namespace: Namespace | undefined, op: SignedOp): boolean {
  return op.nonce <= (namespace?.nonces.get(op.signer) ?? 0);
}

/** What an op takes from others, given the state that it was made on and accepted there; undefined for one that only gives. */
export function takeOf(namespace: Namespace | undefined, placed: PlacedOp, crypto: Crypto): Take | undefined {
  const { action } = placed.op;
  if (action.type === "NamespaceCreated" || namespace === undefined) return undefined;
  const one = caseOf(namespace, placed, crypto);
  return one === undefined ? undefined : kindOf(action).takes?.(one);
}
