/** A new key for a scope: the op that tells it to whoever may read there, and the row in which this node keeps it. */
import type { Random } from "@shoal/shared/base/random.ts";
import type { KeyPair } from "../../model/keys.ts";
import type { Row } from "../../storage/store.ts";
import type { Draft } from "../make.ts";
import { standingOf } from "../rules/standing.ts";
import { LIMITS, type Namespace } from "../rules/state.ts";
import { keyRow } from "./ring.ts";
import { readersOf, mayRead, type Scope } from "./scopes.ts";
import { boxFor, KEY_BYTES, keyIdOf } from "./sealing.ts";

export interface NewKey {
  readonly draft: Draft;
  readonly row: Row;
}

/** Whether the rules let `account` make a key for the scope. */
export function mayRotate(namespace: Namespace, scope: Scope, account: KeyPair): boolean {
  const role = standingOf(namespace, scope.groupId, account.publicKey)?.role;
  return (role === "Admin" || role === "Member") && mayRead(namespace, scope, account.publicKey);
}

/** Boxed for as many readers as one op holds, this node's account first; members hand it on to the rest (`boxesFor`). */
export function newKey(namespace: Namespace, scope: Scope, account: KeyPair, random: Random): NewKey {
  const key = random.bytes(KEY_BYTES);
  const keyId = keyIdOf(key);
  const boxes: [string, string][] = [];
  const readers = new Set([account.publicKey, ...readersOf(namespace, scope)]);
  for (const who of readers) {
    if (boxes.length === LIMITS.boxes) break;
    const box = boxFor(who, key, random);
    if (box !== undefined) boxes.push([who, Buffer.from(box).toString("base64")]);
  }
  return {
    draft: {
      groupId: scope.groupId,
      signer: account,
      action: {
        type: "GroupKeyRotated",
        scope: scope.id,
        keyId: Buffer.from(keyId).toString("hex"),
        boxes: Object.fromEntries(boxes),
      },
    },
    row: keyRow(namespace.id, scope.id, keyId, key),
  };
}
