/** The tab's keys: who it is to peers, and the account that it acts for. Made once, and kept with everything else. */
import type { Random } from "@shoal/shared/base/random.ts";
import { keyPairOf, type KeyPair } from "../model/keys.ts";
import type { Store } from "../storage/store.ts";

export interface TabKeys {
  readonly peer: KeyPair;
  readonly account: KeyPair;
}

export async function tabKeys(store: Store, random: Random): Promise<TabKeys> {
  return { peer: await kept(store, random, "tab peer"), account: await kept(store, random, "tab account") };
}

async function kept(store: Store, random: Random, name: string): Promise<KeyPair> {
  const key = new TextEncoder().encode(name);
  const seed = store.get("config", key);
  if (seed !== undefined) return keyPairOf(seed, name);
  const made = keyPairOf(random.bytes(32), name);
  await store.apply([{ column: "config", key, value: made.secret }]);
  await store.durable();
  return made;
}
