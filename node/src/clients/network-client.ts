/** What the node asks of its network. */
import type { Recipient } from "../actors/actor.ts";
import type { NetworkMessage } from "../network/messages.ts";

export interface NetworkStatus {
  readonly peerId: string;
  readonly listening: readonly string[];
  readonly peers: number;
}

export interface NetworkClient {
  publish(topic: string, payload: Uint8Array): Promise<void>;
  subscribe(topic: string): Promise<void>;
  unsubscribe(topic: string): Promise<void>;
  peers(): Promise<readonly string[]>;
  status(): Promise<NetworkStatus>;
}

/** The façade over the network manager: each method is one message. */
export function networkClient(manager: Recipient<NetworkMessage>): NetworkClient {
  return {
    publish: (topic, payload) => manager.send({ type: "Publish", topic, payload }),
    subscribe: (topic) => manager.send({ type: "Subscribe", topic }),
    unsubscribe: (topic) => manager.send({ type: "Unsubscribe", topic }),
    peers: () => manager.send({ type: "ListPeers" }),
    status: () => manager.send({ type: "GetStatus" }),
  };
}
