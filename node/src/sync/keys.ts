/** Keys that this node lacks: asked of one peer at a time, once per namespace and moment. */
import type { Log } from "@shoal/shared/base/log.ts";
import type { GroupId } from "../model/ids.ts";
import type { PeerId } from "../network/contract.ts";
import { fetchKeys } from "./level-namespace.ts";
import type { SyncParts } from "./parts.ts";
import type { Sessions } from "./sessions.ts";

export interface KeyFetcher {
  /** Asks `peer`; a second wish for the namespace meanwhile is the same one. Never rejects; true where a key came. */
  fetch(namespaceId: GroupId, peer: PeerId): Promise<boolean>;
}

export function keyFetcher(parts: SyncParts, sessions: Sessions, log: Log): KeyFetcher {
  const running = new Map<GroupId, Promise<boolean>>();
  return {
    fetch(namespaceId, peer) {
      const known = running.get(namespaceId);
      if (known !== undefined) return known;
      const asked = sessions
        .with(peer, (session) => fetchKeys(parts, session, namespaceId))
        .then((count) => count > 0)
        .catch((err: unknown) => {
          log.debug({ namespace: namespaceId, peer, err }, "a peer gave no keys");
          return false;
        })
        .finally(() => running.delete(namespaceId));
      running.set(namespaceId, asked);
      return asked;
    },
  };
}
