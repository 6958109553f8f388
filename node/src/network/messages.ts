/** The network manager's envelope. */
import type { Message } from "../actors/actor.ts";
import type { NetworkStatus } from "./contract.ts";

export type Publish = Message<
  { readonly type: "Publish"; readonly topic: string; readonly payload: Uint8Array },
  undefined
>;
export type Subscribe = Message<{ readonly type: "Subscribe"; readonly topic: string }, undefined>;
export type Unsubscribe = Message<{ readonly type: "Unsubscribe"; readonly topic: string }, undefined>;
export type ListPeers = Message<{ readonly type: "ListPeers" }, readonly string[]>;
export type GetStatus = Message<{ readonly type: "GetStatus" }, Pick<NetworkStatus, "peerId" | "listening" | "peers">>;

export type NetworkMessage = Publish | Subscribe | Unsubscribe | ListPeers | GetStatus;
