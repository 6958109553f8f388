/**
 * Where a node starts its network. libp2p is several hundred modules: they are loaded from here only, so that a program that
 * opens no network never pays for them, and a node may have them loaded while its store opens.
 */
import type { Network } from "../contract.ts";
import type { NetworkConfig, NetworkInit } from "./settings.ts";

export type { NetworkConfig, NetworkInit };

const load = () => import("./network.ts");

/** Begins to load what `startNetwork` needs; call it first of all, and do something else meanwhile. */
export function preloadNetwork(): void {
  // Whatever is wrong is said by `startNetwork`.
  load().catch(() => undefined);
}

/**
 * Opens the network: it listens, dials boot nodes and those of the last day, and looks for others of its topics. Rejects
 * `unavailable` where an address of `[swarm] listen` cannot be had.
 */
export async function startNetwork(init: NetworkInit): Promise<Network> {
  const { openNetwork } = await load();
  return openNetwork(init);
}
