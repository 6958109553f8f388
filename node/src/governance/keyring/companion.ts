/** Keys go the way of ops: new ones in the batch of the op that calls for them, boxed ones in that of the op they came in. */
import type { Random } from "@shoal/shared/base/random.ts";
import type { GroupId } from "../../model/ids.ts";
import type { KeyPair } from "../../model/keys.ts";
import type { Row } from "../../storage/store.ts";
import type { Companion, Step } from "../make.ts";
import type { ActionOf, LoggedOp } from "../rules/op.ts";
import { mayTake } from "./freshness.ts";
import { keyRow } from "./ring.ts";
import { mayRotate, newKey } from "./rotation.ts";
import { mayRead, scopesOf, type Scope } from "./scopes.ts";
import { keyIdOf, openBox } from "./sealing.ts";

/** Scopes that get new keys along with one call; whoever writes next in another one makes its key. */
const AT_ONCE = 16;

export function createCompanion(account: KeyPair, random: Random): Companion {
  return {
    follow(step) {
      const made = scopesToKey(step)
        .filter((scope) => mayRotate(step.after, scope, account))
        .slice(0, AT_ONCE)
        .map((scope) => newKey(step.after, scope, account, random));
      return { drafts: made.map(({ draft }) => draft), rows: made.map(({ row }) => row) };
    },
    keep: (namespaceId, ops) => ops.flatMap((one) => keptFrom(namespaceId, one, account)),
  };
}

/** Groups that are new, and scopes whose key somebody has who may not read any more. */
function scopesToKey({ ops, before, after }: Step): readonly Scope[] {
  const takes = ops.some(mayTake);
  const founds = ops.some(
    ({ op: { action } }) => action.type === "NamespaceCreated" || action.type === "SubgroupCreated",
  );
  if (!takes && !founds) return [];
  return [...scopesOf(after)].filter((scope) => {
    const rotation = after.rotations.get(scope.id);
    if (rotation === undefined) return before?.groups.has(scope.groupId) !== true;
    return [...rotation.audience].some((who) => !mayRead(after, scope, who)) || reach(ops, scope);
  });
}

/** Somebody may have been given the key who was not in its boxes: whoever is taken out of the group itself counts. */
function reach(ops: readonly LoggedOp[], scope: Scope): boolean {
  return ops.some((one) => mayTake(one) && one.op.groupId === scope.groupId);
}

/** The key that an op boxes for the account, where it is the one that it names. */
function keptFrom(namespaceId: GroupId, { op }: LoggedOp, account: KeyPair): readonly Row[] {
  if (op.action.type !== "GroupKeyRotated") return [];
  const key = boxedKey(op.action, account);
  return key === undefined ? [] : [keyRow(namespaceId, op.action.scope, keyIdOf(key), key)];
}

function boxedKey(action: ActionOf<"GroupKeyRotated">, account: KeyPair): Uint8Array | undefined {
  const box = action.boxes[account.publicKey];
  const key = box === undefined ? undefined : openBox(account, Buffer.from(box, "base64"));
  return key !== undefined && Buffer.from(keyIdOf(key)).toString("hex") === action.keyId ? key : undefined;
}
