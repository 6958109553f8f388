/**
 * Whose key signs. The node's account does unless the caller names another member: then this node has to hold that key,
 * as a signing key given to it for the group, as an identity of one of the group's contexts, or as one that no context uses yet.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { secretOf } from "../context/identities.ts";
import type { GroupId, PublicKey } from "../model/ids.ts";
import { keyPairOf, type KeyPair } from "../model/keys.ts";
import type { Store } from "../storage/store.ts";
import { idKey, PREFIX } from "./keys.ts";
import type { Ledger } from "./ledger.ts";

export interface Signers {
  readonly account: KeyPair;
  /** Rejects `permission_denied` where this node does not hold the key. */
  signerFor(groupId: GroupId, requester: PublicKey | undefined): KeyPair;
  /** Keeps a 32-byte seed for requests in a group; resolves with its public key. */
  keep(groupId: GroupId, seed: Uint8Array): Promise<PublicKey>;
}

export function createSigners(store: Store, ledger: Ledger, account: KeyPair): Signers {
  const held = (groupId: GroupId, who: PublicKey): Uint8Array | undefined => {
    const kept = store.get("group", idKey(PREFIX.signingKey, groupId, who)) ?? secretOf(store, undefined, who);
    if (kept !== undefined) return kept;
    for (const context of ledger.find(groupId)?.group.contexts.keys() ?? []) {
      const secret = secretOf(store, context, who);
      if (secret !== undefined) return secret;
    }
    return undefined;
  };
  return {
    account,
    signerFor(groupId, requester) {
      if (requester === undefined || requester === account.publicKey) return account;
      const secret = held(groupId, requester);
      if (secret === undefined) {
        throw new ShoalError("permission_denied", "this node holds no key of the requester", { field: "requester" });
      }
      return keyPairOf(secret, "requester");
    },
    async keep(groupId, seed) {
      const pair = keyPairOf(seed, "signingKey");
      const key = idKey(PREFIX.signingKey, groupId, pair.publicKey);
      await store.apply([{ column: "group", key, value: pair.secret }]);
      await store.durable();
      return pair.publicKey;
    },
  };
}
