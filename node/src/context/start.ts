/** Starts the context manager: what the store knows is read, and time goes on where it was. */
import type { Actor } from "../actors/actor.ts";
import { keyedTurns } from "../actors/keyed-turns.ts";
import { decodeDelta } from "../dag/delta.ts";
import { nanosecondsOf } from "../dag/hlc.ts";
import type { Context } from "../model/context.ts";
import { bytesOf, type ContextId } from "../model/ids.ts";
import { keyOf, prefixRange } from "../storage/keys.ts";
import type { Column, Row, Store } from "../storage/store.ts";
import { createAhead } from "./ahead.ts";
import { hybridClock } from "./hybrid-clock.ts";
import { createIdSets } from "./id-sets.ts";
import { moveStaged } from "./install/move.ts";
import { readMarker } from "./install/staging.ts";
import { knownRow } from "./known.ts";
import { startContextManager } from "./manager.ts";
import type { ContextMessage } from "./messages.ts";
import { methodMemory } from "./method-memory.ts";
import type { ContextParts } from "./parts.ts";
import { createDueHandlers } from "./receive/due.ts";
import { createInboxes } from "./receive/inboxes.ts";
import { createReceiver, type Receiver } from "./receive/receiver.ts";
import { loadContexts } from "./registry.ts";
import type { ContextReplicas } from "./replica.ts";
import { contextReplicas } from "./replicas.ts";
import { createStamps } from "./stamps.ts";
import { ALONE, type Syncing } from "./syncing.ts";
import { createWatchers } from "./watchers.ts";

type Own =
  | "registry"
  | "turns"
  | "ahead"
  | "methods"
  | "stamps"
  | "hlc"
  | "inboxes"
  | "idSets"
  | "watchers"
  | "due"
  | "syncing";

export type ContextInit = Omit<ContextParts, Own> & {
  /** Without one the node has no peers, and is level. */
  readonly syncing?: Syncing;
  readonly onStopped?: (reason: unknown) => void;
};

export interface Contexts {
  readonly manager: Actor<ContextMessage>;
  readonly replicas: ContextReplicas;
}

/** Everything that was on its way when the node went is taken up again. */
export async function startContexts({ onStopped, syncing = ALONE, ...init }: ContextInit): Promise<Contexts> {
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
  const ahead = createAhead(init.store, registry);
  const due = createDueHandlers(() => parts);
  const parts: ContextParts = {
    ...init,
    syncing,
    registry,
    hlc,
    stamps,
    turns: keyedTurns(),
    ahead,
    methods: methodMemory(),
    inboxes: createInboxes(init.store, ahead),
    idSets: createIdSets(init.store),
    watchers: createWatchers(init.log),
    due,
  };
  const receiver = createReceiver(parts);
  logDivergences(parts);
  await resume(parts, receiver);
  const actor = startContextManager(parts, onStopped);
  const stop = async (): Promise<void> => {
    await receiver.stop();
    await due.stop();
    await actor.stop();
  };
  const manager: Actor<ContextMessage> = {
    send: (message) => actor.send(message),
    stop,
    get restarts() {
      return actor.restarts;
    },
  };
  return { manager, replicas: contextReplicas(parts, receiver) };
}

/** Once per context: what is apart stays apart until a comparison of the states mends it, and every delta would say so. */
function logDivergences({ watchers, log }: ContextParts): void {
  const logged = new Set<ContextId>();
  watchers.on("divergence", (divergence) => {
    if (logged.has(divergence.contextId)) return;
    logged.add(divergence.contextId);
    log.error({ ...divergence }, "the state is not the one its author had");
  });
}

async function resume(parts: ContextParts, receiver: Receiver): Promise<void> {
  for (const context of parts.registry.list()) {
    const { id } = context;
    if (context.deltas === undefined) await countDeltas(parts, context);
    try {
      if (readMarker(parts.store, id)?.isMoving === true) await moveStaged(parts, id);
      if (await hasRows(parts.store, "pending", id)) await receiver.again(id);
    } catch (err) {
      // What is left is taken up again with the next that comes; the node serves meanwhile.
      parts.log.warn({ context: id, err }, "what waited for a context could not be taken up");
    }
    if (await hasRows(parts.store, "due", id)) parts.due.kick(id);
  }
}

async function hasRows(store: Store, column: Column, id: ContextId): Promise<boolean> {
  for await (const _ of store.scan(column, { ...prefixRange(bytesOf(id)), limit: 1 })) return true;
  return false;
}

/** A context of before its deltas were counted: every one of them has its body. */
async function countDeltas({ store, registry }: ContextParts, context: Context): Promise<void> {
  const rows: Row[] = [];
  for await (const [, value] of store.scan("delta", prefixRange(bytesOf(context.id)))) {
    const { id, hlc } = decodeDelta(Uint8Array.from(value));
    rows.push(knownRow(bytesOf(context.id), { id, time: hlc.time }));
  }
  const counted = { ...context, deltas: rows.length };
  await store.apply([...rows, registry.row(counted)]);
  registry.set(counted);
}

/** The first 128 bits of the account's key name this node among all that stamp. */
function nodeBits(publicKey: ContextParts["account"]["publicKey"]): bigint {
  const bytes = Buffer.from(bytesOf(publicKey));
  return (bytes.readBigUInt64BE(0) << 64n) | bytes.readBigUInt64BE(8);
}
