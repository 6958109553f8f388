/** Who goes where the house is full: of those that others opened, the newest with whom this node shares no topic. */
import type { Connection } from "@libp2p/interface";
import { seconds } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { PeerId } from "../contract.ts";

/** A visitor has so long to say what it is on. */
const GRACE = seconds(5);

export function createVisitors(
  connections: () => readonly Connection[],
  isShared: (peer: PeerId) => boolean,
  hasTopics: () => boolean,
  clock: Clock,
): { readonly makeRoom: () => boolean } {
  return {
    makeRoom() {
      // A node without topics, as boot nodes are, has nothing to tell visitors apart by.
      if (!hasTopics()) return false;
      const known = new Map<PeerId, boolean>();
      const idle = ({ remotePeer }: Connection): boolean => {
        const peer = remotePeer.toString();
        const shared = known.get(peer) ?? isShared(peer);
        known.set(peer, shared);
        return !shared;
      };
      const [newest] = connections()
        .filter(({ direction, timeline }) => direction === "inbound" && clock.now() - timeline.open > GRACE)
        .filter(idle)
        .sort((a, b) => b.timeline.open - a.timeline.open);
      newest?.abort(new Error("the house is full"));
      return newest !== undefined;
    },
  };
}
