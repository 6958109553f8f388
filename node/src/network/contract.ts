/**
 * The network as the rest of the node sees it: gossip by topic, framed streams to a peer, who is there. Production has it on
 * libp2p (`libp2p/`), the simulator on an event queue. A peer's id is proven by the transport; whose account it acts for is not,
 * and is proven on each sync channel (`sync/session.ts`).
 */
import type { DurationMs } from "@shoal/shared/base/time.ts";

/** base58 of the transport key's multihash. */
export type PeerId = string;

/** Largest frame of a channel and largest gossip payload, in bytes; more is refused before it is buffered. */
export const MAX_FRAME = 8 * 1024 * 1024;
export const MAX_GOSSIP = 1024 * 1024;

export interface PeerInfo {
  readonly peerId: PeerId;
  /** Multiaddresses that it is connected by or known at. */
  readonly addresses: readonly string[];
  readonly direction: "inbound" | "outbound";
  readonly connectedAtMs: number;
  /** 0 for a stranger who did nothing wrong; falls with each fault, and recovers with time. */
  readonly score: number;
  readonly relayed: boolean;
  readonly latencyMs?: number;
}

/** What a receiver makes of a gossip message: `reject` is held against the peer that passed it on, `ignore` is not. */
export type GossipVerdict = "accept" | "ignore" | "reject";

export interface Gossip {
  readonly topic: string;
  /** The peer that passed it on, which need not have written it. */
  readonly from: PeerId;
  readonly payload: Uint8Array;
}

/** What a peer did wrong; each kind has its weight (`network/scores.ts`). */
export type Fault =
  | "malformed" // bytes that no honest node sends
  | "forged" // a signature or hash that does not hold
  | "unauthorized" // asks for, or sends, what its account may not
  | "oversized" // announces or sends more than a limit
  | "slow" // a deadline passed
  | "broken"; // ended within a conversation

/** One stream with a peer: frames in order, each with a 4-byte big-endian length before it. */
export interface Channel {
  readonly peer: PeerId;
  /** Resolves when the transport has taken it (back-pressure). Rejects `payload_too_large`, or `unavailable` after the end. */
  send(frame: Uint8Array): Promise<void>;
  /** The next frame; undefined after the peer closed. Rejects `deadline_exceeded` after `within`, `unavailable` when it broke. */
  receive(within: DurationMs): Promise<Uint8Array | undefined>;
  /** Ends it in order; what was sent still arrives. */
  close(): Promise<void>;
  /** Ends it at once. */
  abort(): void;
}

export type PeerEvent =
  | { readonly type: "connected" | "disconnected"; readonly peer: PeerId }
  | { readonly type: "subscribed" | "unsubscribed"; readonly peer: PeerId; readonly topic: string };

export interface NetworkStatus {
  readonly peerId: PeerId;
  /** Multiaddresses with the peer id, as others may dial them. */
  readonly listening: readonly string[];
  readonly peers: number;
  readonly topics: readonly string[];
  readonly blocked: readonly PeerId[];
  /** What AutoNAT found. */
  readonly reachability: "public" | "private" | "unknown";
  readonly relays: readonly string[];
}

export interface Network {
  readonly self: PeerId;
  peers(): readonly PeerInfo[];
  /** Connected peers that have the topic. */
  subscribers(topic: string): readonly PeerId[];
  subscribe(topic: string): Promise<void>;
  unsubscribe(topic: string): Promise<void>;
  /**
   * Resolves with the number of peers it was handed to; 0 is no error. The same bytes on the same topic again within half a minute
   * are the same message and go nowhere. Rejects `payload_too_large`.
   */
  publish(topic: string, payload: Uint8Array): Promise<number>;
  /** The one judge of what is heard on topics that are subscribed; never called for what this node published. */
  onGossip(judge: (message: Gossip) => Promise<GossipVerdict>): void;
  /** A new channel. Rejects `unavailable` where the peer cannot be reached or does not speak the protocol, `deadline_exceeded`. */
  open(peer: PeerId, protocol: string, within: DurationMs): Promise<Channel>;
  /** Serves a protocol; what the handler throws ends the channel and is logged. */
  handle(protocol: string, serve: (channel: Channel) => Promise<void>): void;
  /** Returns how to stop. */
  onPeer(listener: (event: PeerEvent) => void): () => void;
  /** Dials a multiaddress that ends in a peer id; resolves with that id. */
  dial(address: string, within: DurationMs): Promise<PeerId>;
  /** Counts and logs (once per peer and kind) and lowers the score; a peer at the bottom is cut off for a while. */
  report(peer: PeerId, fault: Fault, detail: string): void;
  /** Cuts a peer off and refuses it until it is unblocked, also after a restart. */
  block(peer: PeerId): Promise<void>;
  unblock(peer: PeerId): Promise<void>;
  status(): NetworkStatus;
  close(): Promise<void>;
}
