/** The node manager's envelope. */
import type { Message } from "../actors/actor.ts";
import type { NodeUsage } from "../clients/node-client.ts";
import type { PublicKey } from "../model/ids.ts";

export type GenerateIdentity = Message<{ readonly type: "GenerateIdentity" }, PublicKey>;
export type GetUsage = Message<{ readonly type: "GetUsage" }, NodeUsage>;

export type NodeMessage = GenerateIdentity | GetUsage;
