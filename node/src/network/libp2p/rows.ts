/** What the network keeps in the store: whom it met in the last day, and whom it was told to refuse. */
import { z } from "zod";
import { timestamp, type DurationMs, type Timestamp } from "@shoal/shared/base/time.ts";
import { keyOf, prefixRange, textKey } from "../../storage/keys.ts";
import type { Row, Store } from "../../storage/store.ts";
import type { PeerId } from "../contract.ts";

const PEERS = textKey("network/peer/");
const BLOCKED = textKey("network/blocked/");
/** Peers that are kept at most; those seen last. */
const KEPT = 1000;
/** Addresses of one. */
export const ADDRESSES = 16;

const peerRow = z.object({ addresses: z.array(z.string().max(1024)).max(ADDRESSES), seenAtMs: z.number() });

export interface KnownPeer {
  readonly peer: PeerId;
  readonly addresses: readonly string[];
  readonly seenAt: Timestamp;
}

export async function saveBlocked(store: Store, peer: PeerId, isBlocked: boolean): Promise<void> {
  const key = keyOf(BLOCKED, textKey(peer));
  await Promise.all([
    store.apply([{ column: "generic", key, value: isBlocked ? new Uint8Array() : undefined }]),
    store.durable(),
  ]);
}

export async function loadBlocked(store: Store): Promise<readonly PeerId[]> {
  const peers: PeerId[] = [];
  for await (const [key] of store.scan("generic", prefixRange(BLOCKED))) peers.push(idIn(key, BLOCKED));
  return peers;
}

/** Not durable: what a crash loses is met again. */
export async function savePeer(store: Store, { peer, addresses, seenAt }: KnownPeer): Promise<void> {
  const value = textKey(JSON.stringify({ addresses: addresses.slice(0, ADDRESSES), seenAtMs: seenAt }));
  await store.apply([{ column: "generic", key: keyOf(PEERS, textKey(peer)), value }]);
}

export async function forgetPeer(store: Store, peer: PeerId): Promise<void> {
  await store.apply([{ column: "generic", key: keyOf(PEERS, textKey(peer)), value: undefined }]);
}

/** Peers seen within `age`, the last first; older ones and rows that are none are removed. */
export async function loadPeers(store: Store, now: Timestamp, age: DurationMs): Promise<readonly KnownPeer[]> {
  const known: KnownPeer[] = [];
  const stale: Row[] = [];
  for await (const [key, value] of store.scan("generic", prefixRange(PEERS))) {
    const row = parsed(value);
    // A row from the future comes of a clock that was wrong: it is kept as if it were of now.
    if (row === undefined || row.seenAtMs <= now - age) stale.push({ column: "generic", key, value: undefined });
    else
      known.push({
        peer: idIn(key, PEERS),
        addresses: row.addresses,
        seenAt: timestamp(Math.min(row.seenAtMs, now)),
      });
  }
  known.sort((a, b) => b.seenAt - a.seenAt);
  for (const { peer } of known.splice(KEPT))
    stale.push({ column: "generic", key: keyOf(PEERS, textKey(peer)), value: undefined });
  if (stale.length > 0) await store.apply(stale);
  return known;
}

const idIn = (key: Uint8Array, prefix: Uint8Array): PeerId => new TextDecoder().decode(key.subarray(prefix.length));

function parsed(value: Uint8Array): z.output<typeof peerRow> | undefined {
  try {
    return peerRow.parse(JSON.parse(new TextDecoder().decode(value)));
  } catch {
    return undefined;
  }
}
