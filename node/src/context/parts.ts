/** What the context manager is made of: handed in once by the wiring, the same for every handler. */
import type { Log } from "@shoal/shared/base/log.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { KeyedTurns } from "../actors/keyed-turns.ts";
import type { Applications } from "../clients/node-client.ts";
import type { EventBus } from "../model/event.ts";
import type { ContextId, PublicKey } from "../model/ids.ts";
import type { Executor } from "../runtime/contract.ts";
import type { VmLimits } from "../runtime/limits.ts";
import type { Store } from "../storage/store.ts";
import type { Ahead } from "./ahead.ts";
import type { AliasStore } from "./aliases.ts";
import type { HybridClock } from "./hybrid-clock.ts";
import type { MethodMemory } from "./method-memory.ts";
import type { IdSets } from "./id-sets.ts";
import type { Membership, RightsAtCut } from "./membership.ts";
import type { Inboxes } from "./receive/inboxes.ts";
import type { ContextRegistry } from "./registry.ts";
import type { Stamps } from "./stamps.ts";
import type { Syncing } from "./syncing.ts";
import type { Watchers } from "./watchers.ts";

/** The key in whose name this node acts; `secret` is its 32-byte Ed25519 seed. */
export interface Account {
  readonly publicKey: PublicKey;
  readonly secret: Uint8Array;
}

export interface ContextParts {
  readonly store: Store;
  readonly executor: Executor;
  readonly applications: Pick<Applications, "get">;
  readonly aliases: Pick<AliasStore, "lookup" | "claim">;
  readonly membership: Membership;
  readonly governance: RightsAtCut;
  readonly syncing: Syncing;
  readonly events: EventBus;
  readonly account: Account;
  readonly registry: ContextRegistry;
  readonly turns: KeyedTurns;
  readonly ahead: Ahead;
  readonly methods: MethodMemory;
  readonly stamps: Stamps;
  readonly hlc: HybridClock;
  readonly inboxes: Inboxes;
  readonly idSets: IdSets;
  readonly watchers: Watchers;
  /** Runs what handlers are due. */
  readonly due: { kick(id: ContextId): void };
  readonly limits: VmLimits;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}
