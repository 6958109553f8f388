/** What AutoNAT found: whether others reach this node where it says it is, and through which relays. */
import type { NetworkStatus } from "../contract.ts";
import { isPublic, relayIn } from "./addresses.ts";
import type { Host } from "./host.ts";

/**
 * `public`: an address of everybody's network was confirmed by others; `private`: one was tried and is not reached; `unknown`:
 * nothing was tried yet, as in a network of one's own, where nobody can try.
 */
export function reachabilityOf(host: Host): NetworkStatus["reachability"] {
  const outer = host.services.inside.addressManager
    .getAddressesWithMetadata()
    .filter(({ multiaddr, type }) => type !== "announce" && isPublic(multiaddr.toString()));
  if (outer.some(({ verified }) => verified)) return "public";
  return outer.some(({ lastVerified }) => lastVerified !== undefined && lastVerified > 0) ? "private" : "unknown";
}

export function relaysOf(host: Host): readonly string[] {
  return [...new Set(host.getMultiaddrs().flatMap((address) => relayIn(address.toString()) ?? []))];
}
