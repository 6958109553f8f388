/** People with keys, and a namespace that they act in: what the tests of the rules are written in. */
import { governanceCrypto, hashOf, signOp, signText } from "@shoal/node/governance/crypto.ts";
import { applyAt, noted, repeats, type Verdict } from "@shoal/node/governance/rules/apply.ts";
import { checkForm } from "@shoal/node/governance/rules/form.ts";
import {
  OP_VERSION,
  type Action,
  type GroupSeed,
  type Invitation,
  type LoggedOp,
  type SignedOp,
} from "@shoal/node/governance/rules/op.ts";
import { invitationBytes } from "@shoal/node/governance/rules/signing-bytes.ts";
import { accessTo, standingOf } from "@shoal/node/governance/rules/standing.ts";
import type { Namespace } from "@shoal/node/governance/rules/state.ts";
import type { ApplicationId, ContextId, GroupId, Hash } from "@shoal/node/model/ids.ts";
import { keyPairOf, type KeyPair } from "@shoal/node/model/keys.ts";

export const person = (n: number): KeyPair => keyPairOf(new Uint8Array(32).fill(n), "seed");
export const [alice, bob, carol, dave, eve] = [1, 2, 3, 4, 5].map(person) as [
  KeyPair,
  KeyPair,
  KeyPair,
  KeyPair,
  KeyPair,
];

export const groupId = (n: number): GroupId => n.toString(16).padStart(2, "0").repeat(32) as GroupId;
export const contextId = (n: number): ContextId => person(100 + n).publicKey as string as ContextId;
export const applicationId = (n: number): ApplicationId => person(200 + n).publicKey as string as ApplicationId;
export const ROOT = groupId(0xaa);
export const CHILD = groupId(0xbb);
export const GRANDCHILD = groupId(0xcc);

export const seed: GroupSeed = {
  appKey: "11".repeat(32),
  applicationId: applicationId(1),
  version: "1.0.0",
  upgradePolicy: { type: "Automatic" },
  visibility: "Open",
};

/** What becomes of an op that is made upon all others: form, nonce and rules in one. */
export function applyUpon(state: Namespace | undefined, op: SignedOp): Verdict {
  const malformed = checkForm(op, governanceCrypto);
  if (malformed !== undefined) return { refused: malformed };
  if (repeats(state, op)) return { refused: { reason: "stale_nonce", because: "the signer has gone on since" } };
  const placed = { op, hash: hashOf(op), depth: (state?.depth ?? 0) + 1 };
  const verdict = applyAt(state, placed, governanceCrypto);
  return "state" in verdict ? { state: noted(verdict.state, placed) } : verdict;
}

/** A namespace that ops are applied to one after another; what was refused is told and changes nothing. */
export class Stage {
  state: Namespace | undefined;
  readonly log: LoggedOp[] = [];
  readonly #nonces = new Map<string, number>();
  #heads: readonly Hash[] = [];
  atMs = 1_800_000_000_000;

  /** `who` signs `action` in `group`; the verdict, and the state moved on where it was accepted. */
  act(who: KeyPair, group: GroupId, action: Action): Verdict {
    const nonce = (this.#nonces.get(who.publicKey) ?? 0) + 1;
    this.#nonces.set(who.publicKey, nonce);
    const unsigned = { version: OP_VERSION, namespaceId: ROOT, groupId: group, parents: this.#heads, nonce };
    const op = signOp(who, { ...unsigned, atMs: this.atMs, action });
    const verdict = applyUpon(this.state, op);
    if ("state" in verdict) {
      this.state = verdict.state;
      const hash = hashOf(op);
      this.log.push({ hash, op });
      this.#heads = [hash];
    }
    return verdict;
  }

  /** The reason of a refusal, or `ok`. */
  try(who: KeyPair, group: GroupId, action: Action): string {
    const verdict = this.act(who, group, action);
    return "refused" in verdict ? verdict.refused.reason : "ok";
  }

  group(id: GroupId) {
    return this.state?.groups.get(id);
  }
}

/** Alice's namespace. */
export function founded(): Stage {
  const stage = new Stage();
  stage.act(alice, ROOT, { type: "NamespaceCreated", seed });
  return stage;
}

export function invitation(
  inviter: KeyPair,
  stage: Stage,
  more: Partial<Invitation> = {},
): {
  readonly invitation: Invitation;
  readonly inviterSignature: string;
} {
  const made: Invitation = {
    inviter: inviter.publicKey,
    groupId: ROOT,
    issuedAtMs: stage.atMs,
    expiresAtMs: stage.atMs + 60_000,
    salt: "00".repeat(32),
    once: false,
    ...more,
  };
  return { invitation: made, inviterSignature: signText(inviter.secret, invitationBytes(made)) };
}

export const add = (who: KeyPair, role: "Admin" | "Member" | "ReadOnly" = "Member") =>
  ({ type: "MemberAdded", member: who.publicKey, role }) as const;
export const remove = (who: KeyPair) => ({ type: "MemberRemoved", member: who.publicKey }) as const;
export const give = (who: KeyPair, capabilities: number) =>
  ({ type: "MemberCapabilitySet", member: who.publicKey, capabilities }) as const;
export const child = (visibility: "Open" | "Restricted", id = CHILD) =>
  ({ type: "SubgroupCreated", childGroupId: id, seed: { ...seed, visibility } }) as const;

export function roleOf(stage: Stage, who: KeyPair, group = ROOT): string | undefined {
  return stage.state && standingOf(stage.state, group, who.publicKey)?.role;
}

export function access(stage: Stage, who: KeyPair, context = contextId(1), group = ROOT): string {
  const entry = stage.group(group)?.contexts.get(context);
  if (stage.state === undefined || entry === undefined) return "no context";
  return accessTo(entry, standingOf(stage.state, group, who.publicKey), who.publicKey);
}

/** Everything in a state, as text: equal states give equal text. */
export function textOf(state: Namespace | undefined): string {
  return JSON.stringify(state ?? null, (_, value: unknown) => {
    if (value instanceof Map) return [...(value as Map<string, unknown>)].sort(([a], [b]) => (a < b ? -1 : 1));
    if (value instanceof Set) return [...(value as Set<string>)].sort();
    if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
