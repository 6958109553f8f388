/** Starts the context manager: what the store knows is read, and time goes on where it was. */
import type { Actor } from "../actors/actor.ts";
import { keyedTurns } from "../actors/keyed-turns.ts";
import { decodeDelta } from "../dag/delta.ts";
import { nanosecondsOf } from "../dag/hlc.ts";
import { bytesOf } from "../model/ids.ts";
import { keyOf } from "../storage/keys.ts";
import { createAhead } from "./ahead.ts";
import { hybridClock } from "./hybrid-clock.ts";
import { startContextManager } from "./manager.ts";
import type { ContextMessage } from "./messages.ts";
import { methodMemory } from "./method-memory.ts";
import type { ContextParts } from "./parts.ts";
import { loadContexts } from "./registry.ts";
import { createStamps } from "./stamps.ts";

export type ContextInit = Omit<ContextParts, "registry" | "turns" | "ahead" | "methods" | "stamps" | "hlc"> & {
  readonly onStopped?: (reason: unknown) => void;
};

export async function startContexts({ onStopped, ...init }: ContextInit): Promise<Actor<ContextMessage>> {
  const registry = await loadContexts(init.store);
  const hlc = hybridClock(init.clock, nodeBits(init.account.publicKey));
  const stamps = createStamps(init.clock);
  // A clock that was set back while the node was down must not make what comes look older than what is there.
  for (const { id, dagHeads } of registry.list()) {
    for (const head of dagHeads) {
      const stored = init.store.get("delta", keyOf(bytesOf(id), bytesOf(head)));
      if (stored === undefined) continue;
      const { hlc: stamp } = decodeDelta(stored);
      hlc.observe(stamp);
      stamps.atLeast(nanosecondsOf(stamp));
    }
  }
  const parts: ContextParts = {
    ...init,
    registry,
    hlc,
    stamps,
    turns: keyedTurns(),
    ahead: createAhead(init.store, registry),
    methods: methodMemory(),
  };
  return startContextManager(parts, onStopped);
}

/** The first 128 bits of the account's key name this node among all that stamp. */
function nodeBits(publicKey: ContextParts["account"]["publicKey"]): bigint {
  const bytes = Buffer.from(bytesOf(publicKey));
  return (bytes.readBigUInt64BE(0) << 64n) | bytes.readBigUInt64BE(8);
}
