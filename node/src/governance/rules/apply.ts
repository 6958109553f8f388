/**
 * One op against one state: the whole of governance is this function, folded over a log. It is total: every op either gives
 * the next state or is refused with a reason, and a refused op changes nothing, not even its signer's nonce.
 */
import type { Case, Crypto, Kind, Kinds, Refusal } from "./case.ts";
import { newGroup } from "./changes.ts";
import { CONTEXT_KINDS } from "./contexts.ts";
import { INVITATION_KINDS } from "./invitations.ts";
import { MEMBER_KINDS } from "./members.ts";
import { METADATA_KINDS } from "./metadata.ts";
import { OP_VERSION, type ActionType, type SignedOp } from "./op.ts";
import { SETTINGS_KINDS } from "./settings.ts";
import { opBytes } from "./signing-bytes.ts";
import { groupWithoutAdmin, standingOf } from "./standing.ts";
import { LIMITS, put, type Namespace } from "./state.ts";
import { TEE_KINDS } from "./tee.ts";
import { TREE_KINDS } from "./tree.ts";

export type Verdict =
  | { readonly state: Namespace }
  | { readonly refused: { readonly reason: Refusal; readonly because: string } };

const KINDS: Kinds<Exclude<ActionType, "NamespaceCreated">> = {
  ...MEMBER_KINDS,
  ...CONTEXT_KINDS,
  ...METADATA_KINDS,
  ...SETTINGS_KINDS,
  ...TREE_KINDS,
  ...INVITATION_KINDS,
  ...TEE_KINDS,
};

const refuse = (reason: Refusal, because: string): Verdict => ({ refused: { reason, because } });

interface EnvelopeCase {
  readonly namespace: Namespace | undefined;
  readonly op: SignedOp;
  readonly crypto: Crypto;
}

interface EnvelopeRule {
  readonly when: (one: EnvelopeCase) => boolean;
  readonly then: Refusal;
  readonly because: string;
}

const genesis = (op: SignedOp): boolean => op.action.type === "NamespaceCreated";

/** What holds for every op, before anything is asked about its kind. Ordered: the cheap before the signature. */
const ENVELOPE: readonly EnvelopeRule[] = [
  {
    when: ({ op }) => op.parents.length > LIMITS.parents,
    then: "too_many_parents",
    because: `an op has at most ${LIMITS.parents} parents`,
  },
  {
    when: ({ op }) => op.version !== OP_VERSION,
    then: "unknown_version",
    because: `only version ${OP_VERSION} is known`,
  },
  {
    when: ({ namespace, op }) => namespace !== undefined && op.namespaceId !== namespace.id,
    then: "unknown_group",
    because: "the op is of another namespace",
  },
  {
    // One whose root was deleted may be made again, by whoever comes first; its log goes on.
    when: ({ namespace, op }) => namespace !== undefined && namespace.groups.size > 0 && genesis(op),
    then: "already_exists",
    because: "the namespace exists",
  },
  {
    when: ({ namespace, op }) => (genesis(op) ? op.groupId !== op.namespaceId : !namespace?.groups.has(op.groupId)),
    then: "unknown_group",
    because: "there is no such group in the namespace",
  },
  {
    when: ({ namespace, op }) => op.nonce <= (namespace?.nonces.get(op.signer) ?? 0),
    then: "stale_nonce",
    because: "the signer has gone on since",
  },
  {
    when: ({ op, crypto }) => !crypto.verify(op.signer, opBytes(op), op.signature),
    then: "bad_signature",
    because: "the op is not signed by the signer it names",
  },
];

/**
 * The state after `op`, or why there is none. `namespace` is undefined before the op that creates it. Parents are the
 * log's business: whoever calls has applied them.
 */
export function applyOp(namespace: Namespace | undefined, op: SignedOp, crypto: Crypto): Verdict {
  for (const rule of ENVELOPE) {
    if (rule.when({ namespace, op, crypto })) return refuse(rule.then, rule.because);
  }
  const { action, signer, atMs } = op;
  if (action.type === "NamespaceCreated") {
    const root = newGroup(op.namespaceId, undefined, action.seed, signer, atMs);
    const id = op.namespaceId;
    const nonces = put(namespace?.nonces ?? new Map(), signer, op.nonce);
    return { state: { id, groups: new Map([[id, root]]), nonces } };
  }
  const group = namespace?.groups.get(op.groupId);
  if (namespace === undefined || group === undefined) return refuse("unknown_group", "there is no such group");
  const standing = standingOf(namespace, group.id, signer);
  const one: Case<ActionType> = { namespace, group, signer, standing, atMs, action, crypto };
  // The table pairs each type with its own kind; the index cannot tell the compiler that this is the pair.
  const kind = KINDS[action.type] as unknown as Kind<ActionType>;
  const against = kind.refuse.find((rule) => rule.when(one));
  if (against !== undefined) return refuse(against.then, against.because);
  const after = kind.effect(one);
  if (kind.checksAdmins === true) {
    const orphan = groupWithoutAdmin(after);
    if (orphan !== undefined) return refuse("last_admin", `nobody would govern the group ${orphan} any more`);
  }
  return { state: { ...after, nonces: put(after.nonces, signer, op.nonce) } };
}
