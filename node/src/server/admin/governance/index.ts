/** Handlers of every endpoint in `shared/src/wire/node/governance/`, one file for each resource. */
import type { governanceEndpoints } from "@shoal/shared/wire/node/governance/index.ts";
import type { HandlersOf } from "../../call.ts";
import { accountHandlers } from "./accounts.ts";
import { groupContextHandlers } from "./group-contexts.ts";
import { groupHandlers } from "./groups.ts";
import { invitationHandlers } from "./invitations.ts";
import { memberHandlers } from "./members.ts";
import { namespaceHandlers } from "./namespaces.ts";
import type { GovernanceParts } from "./parts.ts";
import { proofHandlers } from "./proofs.ts";
import { settingsHandlers } from "./settings.ts";
import { teeHandlers } from "./tee.ts";
import { upgradeHandlers } from "./upgrades.ts";

export type GovernanceHandlers = HandlersOf<typeof governanceEndpoints>;

export function governanceHandlers(parts: GovernanceParts): GovernanceHandlers {
  return {
    ...groupHandlers(parts),
    ...memberHandlers(parts),
    ...groupContextHandlers(parts),
    ...settingsHandlers(parts),
    ...invitationHandlers(parts),
    ...proofHandlers(parts),
    ...upgradeHandlers(parts),
    ...namespaceHandlers(parts),
    ...accountHandlers(parts),
    ...teeHandlers(parts),
  };
}
