/**
 * The keys that gossip is sealed with, of every scope that this node's account reads in. Which key is current, and whether it
 * may still be used, is read from the log; the keys themselves came in boxes and stay on this node's disk.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import type { PublicKey } from "../../model/ids.ts";
import type { Row } from "../../storage/store.ts";
import type { GovernanceReplica, KeyScope } from "../replication.ts";
import { accessIn } from "../rules/access.ts";
import { boxesFor, keepBoxes } from "./boxes.ts";
import { KeyReader, type KeyringInit as ReaderInit, type Place } from "./reader.ts";
import { mayRotate, newKey } from "./rotation.ts";
import { mayRead, scopesOf } from "./scopes.ts";
import { openWith, sealWith } from "./sealing.ts";

/** Keys made in a row for one payload: each is stale again only where a removal came in between. */
const ATTEMPTS = 8;

export interface KeyringInit extends ReaderInit {
  readonly random: Random;
}

export type Keyring = Pick<GovernanceReplica, "seal" | "open" | "lacksKeys" | "boxesFor" | "keepBoxes">;

export function createKeyring(init: KeyringInit): Keyring {
  const { ledger, account, random } = init;
  const reader = new KeyReader(init);
  return {
    async seal(asked, plaintext, aad) {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const place = reader.placeOf(asked);
        if (place === undefined || !maySeal(asked, place, account.publicKey)) {
          throw new ShoalError("permission_denied", "the account may not write there");
        }
        const key = reader.current(place);
        if (key !== undefined) return sealWith(key, plaintext, aad, random);
        await rotate(init, reader, asked, place);
      }
      throw new ShoalError("unavailable", "members are being removed faster than keys are made");
    },
    open(asked, sealed, aad) {
      const place = reader.placeOf(asked);
      const key = place && reader.made(place, Buffer.from(sealed.keyId).toString("hex"));
      return key && openWith(key, sealed, aad);
    },
    lacksKeys(namespaceId) {
      const namespace = ledger.book(namespaceId)?.history.state;
      if (namespace === undefined) return false;
      return [...scopesOf(namespace)].some((scope) => {
        const rotation = namespace.rotations.get(scope.id);
        if (rotation === undefined || !mayRead(namespace, scope, account.publicKey)) return false;
        return reader.kept(namespaceId, scope, rotation.keyId) === undefined;
      });
    },
    boxesFor: async (namespaceId, who) => boxesFor(init, reader, random, namespaceId, who),
    keepBoxes: (boxes) => keepBoxes(init, reader, boxes),
  };
}

/** Makes a new key in the namespace's turn, unless somebody else has meanwhile. */
async function rotate(
  { store, ledger, account, random }: KeyringInit,
  reader: KeyReader,
  asked: KeyScope,
  { namespace: { id } }: Place,
): Promise<void> {
  let made: Row | undefined;
  await ledger.submit(
    id,
    () => {
      const place = reader.placeOf(asked);
      if (place === undefined || reader.current(place) !== undefined) return [];
      if (!mayRotate(place.namespace, place.scope, account)) {
        throw new ShoalError("unavailable", "somebody who writes there has to make a new key first");
      }
      const { draft, row } = newKey(place.namespace, place.scope, account, random);
      made = row;
      return [draft];
    },
    async (rows) => {
      await Promise.all([store.apply(made === undefined ? rows : [...rows, made]), store.durable()]);
    },
  );
}

function maySeal(asked: KeyScope, { namespace, scope }: Place, who: PublicKey): boolean {
  return asked.type === "context"
    ? accessIn(namespace, asked.contextId, who) === "write"
    : mayRead(namespace, scope, who);
}
