/** What the handlers of governance are made of. */
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { ContextClient } from "../../../clients/context-client.ts";
import type { Applications } from "../../../clients/node-client.ts";
import type { Governance } from "../../../governance/contract.ts";
import type { ContextId } from "../../../model/ids.ts";
import type { Attester } from "../../../governance/tee/attester.ts";

export interface GovernanceParts {
  readonly governance: Governance;
  readonly contexts: Pick<ContextClient, "sync">;
  readonly applications: Pick<Applications, "get">;
  readonly attester: Attester;
  /** Makes a context that the account takes part in come to this node; absent for a node that stands alone. */
  readonly bring?: (contextId: ContextId) => Promise<void>;
  readonly clock: Clock;
}
