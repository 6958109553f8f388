/** Handlers of every endpoint in `shared/src/wire/node/governance/`, one file for each resource. */
import type { governanceEndpoints } from "@shoal/shared/wire/node/governance/index.ts";
import type { HandlersOf } from "../../call.ts";

export type GovernanceHandlers = HandlersOf<typeof governanceEndpoints>;
