/**
 * What an op has to be before anything is asked about the state: the right version, its founding form, signed by its signer,
 * and with every signature inside it good. What fails here never enters a log, on any node, so it has no verdict.
 */
import type { Crypto, Refusal } from "./case.ts";
import type { Action, SignedOp } from "./op.ts";
import { OP_VERSION } from "./op.ts";
import { deviceBytes, invitationBytes, opBytes } from "./signing-bytes.ts";
import { LIMITS } from "./state.ts";

interface FormRule {
  readonly when: (op: SignedOp, crypto: Crypto) => boolean;
  readonly then: Refusal;
  readonly because: string;
}

/** Somebody else's signature within an action: an inviter's, a device's. */
function embedded(op: SignedOp, action: Action, crypto: Crypto): boolean {
  if (action.type === "AccountDeviceLinked") {
    return crypto.verify(action.device, deviceBytes(op.namespaceId, op.signer), action.proof);
  }
  if (!("inviterSignature" in action)) return true;
  return crypto.verify(action.invitation.inviter, invitationBytes(action.invitation), action.inviterSignature);
}

/** Ordered: the cheap before the signatures. */
const FORM: readonly FormRule[] = [
  {
    when: (op) => op.parents.length > LIMITS.parents,
    then: "too_many_parents",
    because: `an op has at most ${LIMITS.parents} parents`,
  },
  {
    when: (op) => op.version !== OP_VERSION,
    then: "unknown_version",
    because: `only version ${OP_VERSION} is known`,
  },
  {
    when: (op) => op.parents.length === 0 && op.action.type !== "NamespaceCreated",
    then: "invalid",
    because: "an op without parents founds the namespace, and does nothing else",
  },
  {
    when: (op) => op.action.type === "NamespaceCreated" && op.groupId !== op.namespaceId,
    then: "invalid",
    because: "the root of a namespace has its id",
  },
  {
    when: (op, crypto) => !crypto.verify(op.signer, opBytes(op), op.signature),
    then: "bad_signature",
    because: "the op is not signed by the signer it names",
  },
  {
    when: (op, crypto) => !embedded(op, op.action, crypto),
    then: "bad_signature",
    because: "a signature that the op carries is not of whom it names",
  },
];

/** Why an op enters no log; undefined where it may. Its shape was read by `parseOp`. */
export function checkForm(op: SignedOp, crypto: Crypto): { reason: Refusal; because: string } | undefined {
  const rule = FORM.find((each) => each.when(op, crypto));
  return rule && { reason: rule.then, because: rule.because };
}
