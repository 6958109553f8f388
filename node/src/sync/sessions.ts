/**
 * Sessions with peers, kept for the next use: opening one costs a round trip and a millisecond of CPU on each side. A session
 * on which anything went wrong is dropped, and what went wrong is held against the peer.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { PublicKey } from "../model/ids.ts";
import type { KeyPair } from "../model/keys.ts";
import type { Channel, Fault, Network, PeerId } from "../network/contract.ts";
import { HANDSHAKE_WITHIN, openSession, PeerFault, PeerRefusal, theirs, type Session } from "./session.ts";
import type { SyncSettings } from "./settings.ts";
import { SYNC_PROTOCOL } from "./wire.ts";

export interface Sessions {
  /** Runs `work` on a session with the peer. A refusal by the peer leaves the session usable. */
  with<T>(peer: PeerId, work: (session: Session) => Promise<T>): Promise<T>;
  /** The account that the peer proved last. */
  accountOf(peer: PeerId): PublicKey | undefined;
  forget(peer: PeerId): void;
  close(): void;
}

export interface SessionParts {
  readonly network: Network;
  readonly account: KeyPair;
  readonly random: Random;
  readonly clock: Clock;
  readonly settings: Pick<SyncSettings, "keepSession" | "sessionsPerPeer">;
}

interface Kept {
  readonly session: Session;
  readonly since: number;
}

export function createSessions({ network, account, random, clock, settings }: SessionParts): Sessions {
  const idle = new Map<PeerId, Kept[]>();
  const accounts = new Map<PeerId, PublicKey>();

  const take = (peer: PeerId): Session | undefined => {
    const kept = idle.get(peer) ?? [];
    for (let one = kept.pop(); one !== undefined; one = kept.pop()) {
      if (clock.monotonic() - one.since < settings.keepSession) return one.session;
      void one.session.channel.close().catch(() => undefined);
    }
    return undefined;
  };

  const keep = (session: Session): void => {
    const kept = idle.get(session.peer) ?? [];
    idle.set(session.peer, kept);
    if (kept.length < settings.sessionsPerPeer) kept.push({ session, since: clock.monotonic() });
    else void session.channel.close().catch(() => undefined);
  };

  const open = async (peer: PeerId): Promise<Session> => {
    const session = await openWith({ network, account, random }, peer);
    accounts.set(peer, session.account);
    return session;
  };

  const drop = (peer: PeerId): void => {
    for (const { session } of idle.get(peer) ?? []) session.channel.abort();
    idle.delete(peer);
  };

  return {
    async with(peer, work) {
      const used = take(peer);
      let fresh = used === undefined;
      let session = used ?? (await open(peer));
      for (;;) {
        try {
          const result = await work(session);
          keep(session);
          return result;
        } catch (thrown) {
          if (thrown instanceof PeerRefusal) {
            keep(session);
            throw thrown;
          }
          session.channel.abort();
          // The peer may have closed what lay here unused; whatever `work` did is done again.
          if (!fresh && thrown instanceof PeerFault && thrown.code === "unavailable") {
            fresh = true;
            session = await open(peer);
            continue;
          }
          blame(network, peer, thrown);
          throw thrown;
        }
      }
    },
    accountOf: (peer) => accounts.get(peer),
    forget(peer) {
      drop(peer);
      accounts.delete(peer);
    },
    close() {
      for (const peer of idle.keys()) drop(peer);
    },
  };
}

async function openWith(self: Pick<SessionParts, "network" | "account" | "random">, peer: PeerId): Promise<Session> {
  let channel: Channel | undefined;
  try {
    const opened = await self.network.open(peer, SYNC_PROTOCOL, HANDSHAKE_WITHIN);
    channel = opened;
    return await theirs(() => openSession(self, opened));
  } catch (thrown) {
    channel?.abort();
    blame(self.network, peer, thrown);
    throw thrown;
  }
}

/** What a failure says about the peer; nothing where it may be this node's own, such as a full disk. */
export function blame(network: Pick<Network, "report">, peer: PeerId, thrown: unknown): void {
  if (!(thrown instanceof ShoalError)) return;
  const isTheirs = thrown instanceof PeerFault || thrown.code === "invalid_argument";
  const fault = isTheirs ? FAULTS[thrown.code] : undefined;
  if (fault !== undefined) network.report(peer, fault, thrown.message);
}

const FAULTS: Partial<Record<ShoalError["code"], Fault>> = {
  invalid_argument: "malformed",
  unauthenticated: "forged",
  payload_too_large: "oversized",
  deadline_exceeded: "slow",
  unavailable: "broken",
};
