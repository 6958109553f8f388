/** The network manager of a node that stands alone: it keeps its topics and truthfully has no peers. */
import type { Log } from "@shoal/shared/base/log.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { startActor, type Actor } from "../actors/actor.ts";
import type { NetworkMessage } from "./messages.ts";

export interface NetworkParts {
  readonly peerId: string;
  readonly clock: Clock;
  readonly log: Log;
}

export function startNetworkManager(parts: NetworkParts): Actor<NetworkMessage> {
  const create = (): ((message: NetworkMessage) => Promise<unknown>) => {
    const topics = new Set<string>();
    return async (message) => {
      switch (message.type) {
        case "Publish":
          return undefined;
        case "Subscribe":
          return void topics.add(message.topic);
        case "Unsubscribe":
          return void topics.delete(message.topic);
        case "ListPeers":
          return [];
        case "GetStatus":
          return { peerId: parts.peerId, listening: [], peers: 0 };
      }
    };
  };
  return startActor<NetworkMessage>({ name: "network", log: parts.log, clock: parts.clock, create });
}
