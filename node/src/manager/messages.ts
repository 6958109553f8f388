/** The node manager's envelope. */
import type { Message } from "../actors/actor.ts";
import type { NodeUsage } from "../clients/node-client.ts";
import type { ContextId, PublicKey } from "../model/ids.ts";

/** A context exists here from now on: listen to its topic. */
export type BootContext = Message<{ readonly type: "BootContext"; readonly id: ContextId }, undefined>;
export type LeaveContext = Message<{ readonly type: "LeaveContext"; readonly id: ContextId }, undefined>;
export type GenerateIdentity = Message<{ readonly type: "GenerateIdentity" }, PublicKey>;
export type GetUsage = Message<{ readonly type: "GetUsage" }, NodeUsage>;

export type NodeMessage = BootContext | LeaveContext | GenerateIdentity | GetUsage;
