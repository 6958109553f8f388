/** Multiaddresses as text: whose they are, what kind, who may use them. Pure. */
import type { PeerId } from "../contract.ts";

/** Of any use to put in a message. */
export const MAX_ADDRESS = 256;

/** The peer that an address ends in. */
export function peerIn(address: string): PeerId | undefined {
  return /\/p2p\/([1-9A-HJ-NP-Za-km-z]{20,64})$/.exec(address)?.[1];
}

/** The address with `peer` at its end, once. */
export function withPeer(address: string, peer: PeerId): string {
  return peerIn(address) === peer ? address : `${address}/p2p/${peer}`;
}

export const isRelayed = (address: string): boolean => address.includes("/p2p-circuit");

/** The relay of a relayed address. */
export function relayIn(address: string): PeerId | undefined {
  const [relay = ""] = address.split("/p2p-circuit");
  return isRelayed(address) ? peerIn(relay) : undefined;
}

export const isLoopback = (address: string): boolean =>
  /^\/(ip4\/127\.|ip6\/::1\/|dns[46]?\/localhost\/)/.test(address);

/** An address of everybody's network: not of this machine, nor of a private one. */
export function isPublic(address: string): boolean {
  if (isLoopback(address) || isRelayed(address)) return false;
  const [, kind, host = ""] = address.split("/");
  if (kind === "ip4")
    return !/^(0\.|10\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|192\.168\.)/.test(
      host,
    );
  if (kind === "ip6") return /^[23]/.test(host);
  return kind !== undefined && kind.startsWith("dns");
}
