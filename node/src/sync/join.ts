/**
 * Getting into a namespace that only others have: with an invitation in hand the log is asked of whoever issued it, or of any
 * peer that knows it. What the log says is judged here like any other; the claim that makes this node a member is an op of
 * its own, and travels as such.
 */
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import { seconds } from "@shoal/shared/base/time.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Joiner, SignedInvitation } from "../governance/contract.ts";
import type { GovernanceReplica } from "../governance/replication.ts";
import type { Network, PeerId } from "../network/contract.ts";
import { levelNamespace } from "./level-namespace.ts";
import type { SyncParts } from "./parts.ts";
import type { Sessions } from "./sessions.ts";

const DIAL_WITHIN = seconds(10);
/** Peers that are shown the invitation, the ones it names first. */
const MAX_ASKED = 16;

export interface JoinParts {
  readonly parts: SyncParts;
  readonly sessions: Sessions;
}

export function createJoiner({ parts, sessions }: JoinParts): Joiner {
  const { network, log } = parts;
  return {
    async bring(invitation) {
      const reached = await dialled(network, log, invitation.peers ?? []);
      const others = network.peers().map(({ peerId }) => peerId);
      const asked = [...new Set([...reached, ...others])].slice(0, MAX_ASKED);
      if (asked.length === 0) {
        throw new ShoalError("unavailable", "no peer is connected, and none that the invitation names answers");
      }
      let why: unknown;
      for (const peer of asked) {
        try {
          return await shown(parts, sessions, peer, invitation);
        } catch (thrown) {
          why = thrown;
          log.debug({ peer, err: thrown }, "a peer did not show the namespace");
        }
      }
      throw new ShoalError("unavailable", `no peer let this node see the group: ${messageOf(why)}`, { cause: why });
    },
  };
}

async function dialled(network: Network, log: Log, addresses: readonly string[]): Promise<readonly PeerId[]> {
  const byPeer = Map.groupBy(addresses.slice(0, MAX_ASKED), (address) => address.slice(address.lastIndexOf("/p2p/")));
  const reached = await Promise.all([...byPeer.values()].map((ofOne) => reach(network, log, ofOne)));
  return reached.filter((peer) => peer !== undefined);
}

/** One address after another: the network joins dials to one peer, and one that cannot be carried would fail the others. */
async function reach(network: Network, log: Log, addresses: readonly string[]): Promise<PeerId | undefined> {
  for (const address of addresses) {
    try {
      return await network.dial(address, DIAL_WITHIN);
    } catch (err) {
      log.debug({ err }, "an address of the invitation does not answer");
    }
  }
  return undefined;
}

async function shown(
  parts: SyncParts & { readonly governance: GovernanceReplica },
  sessions: Sessions,
  peer: PeerId,
  invitation: SignedInvitation,
): Promise<void> {
  await sessions.with(peer, async (session) => {
    const namespaceId = await session.ask("showInvitation", JSON.stringify(invitation));
    await parts.governance.expect(namespaceId, invitation.invitation.genesis);
    await levelNamespace(parts, session, namespaceId);
  });
}
