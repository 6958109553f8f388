/**
 * Places at relays for a node that others cannot reach: up to `registrations_limit` of the peers that offer one. The library's
 * own search walks through the whole table of peers for as long as it finds none; this one asks only those who are here.
 */
import { RELAY_V2_HOP_CODEC } from "@libp2p/circuit-relay-v2";
import { multiaddr } from "@multiformats/multiaddr";
import { messageOf } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { minutes } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { PeerId } from "../contract.ts";
import { isRelayed } from "./addresses.ts";
import type { Host } from "./host.ts";
import type { Peers } from "./peers.ts";
import { reachabilityOf, relaysOf } from "./reachability.ts";

/** Between two requests to one relay. */
const PAUSE = minutes(1);

/** Returns what is done in each round; it never rejects. */
export function createRelays(
  host: Host,
  peers: Peers,
  { limit, clock, log }: { readonly limit: number; readonly clock: Clock; readonly log: Log },
): () => Promise<void> {
  const askedAt = new Map<PeerId, number>();
  return async () => {
    if (limit === 0 || reachabilityOf(host) === "public") return;
    const now = clock.monotonic();
    for (const [peer, at] of askedAt) if (now - at >= PAUSE) askedAt.delete(peer);
    const have = relaysOf(host);
    const offers = peers
      .ids()
      .filter((peer) => !have.includes(peer) && !askedAt.has(peer) && peers.speaks(peer, RELAY_V2_HOP_CODEC));
    for (const peer of offers.slice(0, Math.max(0, limit - have.length))) {
      const direct = peers
        .connectionsOf(peer)
        .map(({ remoteAddr }) => remoteAddr.toString())
        .find((address) => !isRelayed(address));
      if (direct === undefined) continue;
      askedAt.set(peer, now);
      try {
        await host.services.inside.transportManager.listen([multiaddr(`${direct}/p2p-circuit`)]);
        log.info({ peer }, "reachable through a relay");
      } catch (thrown) {
        log.debug({ peer, reason: messageOf(thrown) }, "a relay has no place for this node");
      }
    }
  };
}
