/** Handlers of `shared/src/wire/node/governance/accounts.ts`: what takes a second device or another member's node. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { accountEndpoints } from "@shoal/shared/wire/node/governance/accounts.ts";
import type { HandlersOf } from "../../call.ts";
import type { GovernanceParts } from "./parts.ts";

const ONE_DEVICE = "an account is the key of one node here: there is no other device to pair with or to revoke";

export function accountHandlers({
  governance,
}: Pick<GovernanceParts, "governance">): HandlersOf<typeof accountEndpoints> {
  const alone = async ({
    params,
  }: {
    readonly params: { readonly namespace: Parameters<typeof governance.group>[0] };
  }) => {
    governance.group(params.namespace);
    throw new ShoalError("unavailable", ONE_DEVICE);
  };
  return {
    "accounts.pairInit": alone,
    "accounts.pairComplete": alone,
    "accounts.revoke": alone,
    "accounts.fleetJoin": async () => {
      throw new ShoalError("unavailable", "no member of the group is among this node's peers to admit it");
    },
  };
}
