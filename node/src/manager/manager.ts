/** The node manager: an actor for what concerns the node as a whole. */
import type { Log } from "@shoal/shared/base/log.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { startActor, type Actor } from "../actors/actor.ts";
import { identityRow } from "../context/identities.ts";
import type { PublicKey } from "../model/ids.ts";
import { keyPairOf } from "../model/keys.ts";
import type { Store } from "../storage/store.ts";
import type { NodeMessage } from "./messages.ts";
import { measureUsage, type UsageParts } from "./usage.ts";

export interface NodeManagerParts {
  readonly store: Store;
  readonly usage: UsageParts;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export function startNodeManager(parts: NodeManagerParts): Actor<NodeMessage> {
  return startActor<NodeMessage>({
    name: "node",
    log: parts.log,
    clock: parts.clock,
    create: () => (message) => handle(parts, message),
  });
}

async function handle(parts: NodeManagerParts, message: NodeMessage): Promise<unknown> {
  switch (message.type) {
    case "GenerateIdentity":
      return generateIdentity(parts);
    case "GetUsage":
      return measureUsage(parts.usage);
  }
}

/** A key pair that waits for a context to claim it. */
async function generateIdentity({ random, store }: NodeManagerParts): Promise<PublicKey> {
  const { publicKey, secret } = keyPairOf(random.bytes(32), "secret");
  await store.apply([identityRow(undefined, publicKey, secret)]);
  await store.durable();
  return publicKey;
}
