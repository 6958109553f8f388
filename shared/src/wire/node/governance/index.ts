/** Endpoints of governance: groups, namespaces, invitations, capabilities, attestation. */
import { accountEndpoints } from "./accounts.ts";
import { groupContextEndpoints } from "./group-contexts.ts";
import { groupEndpoints } from "./groups.ts";
import { invitationEndpoints, proofEndpoints } from "./invitations.ts";
import { memberEndpoints } from "./members.ts";
import { namespaceEndpoints } from "./namespaces.ts";
import { settingsEndpoints } from "./settings.ts";
import { teeEndpoints } from "./tee.ts";
import { upgradeEndpoints } from "./upgrades.ts";

export const governanceEndpoints = [
  ...groupEndpoints,
  ...memberEndpoints,
  ...groupContextEndpoints,
  ...settingsEndpoints,
  ...invitationEndpoints,
  ...proofEndpoints,
  ...upgradeEndpoints,
  ...namespaceEndpoints,
  ...accountEndpoints,
  ...teeEndpoints,
] as const;
