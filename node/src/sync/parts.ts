/** What the files of this room work with. */
import type { Log } from "@shoal/shared/base/log.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { ContextReplicas } from "../context/replica.ts";
import type { GovernanceReplica } from "../governance/replication.ts";
import type { KeyPair } from "../model/keys.ts";
import type { Network } from "../network/contract.ts";
import type { SyncCounters } from "./counters.ts";
import type { SyncSettings } from "./settings.ts";

export interface SyncParts {
  readonly network: Network;
  readonly contexts: ContextReplicas;
  readonly governance: GovernanceReplica;
  readonly account: KeyPair;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly settings: SyncSettings;
  readonly counters: SyncCounters;
}
