/**
 * Handlers of `shared/src/wire/node/governance/accounts.ts`. A device is a node with a key of its own that acts for an account;
 * its consent is a signature that a person carries from it to the account's node.
 */
import { base58, hex } from "@scure/base";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { accountEndpoints } from "@shoal/shared/wire/node/governance/accounts.ts";
import { deviceBytes } from "../../../governance/rules/signing-bytes.ts";
import { bytesOf, idOf, type PublicKey } from "../../../model/ids.ts";
import { sha256 } from "../../../model/sha256.ts";
import type { HandlersOf } from "../../call.ts";
import type { GovernanceParts } from "./parts.ts";
import { accountOf } from "./views.ts";

/** Of both keys, so that a person who compares it sees which device comes to which account. */
function confirmationCode(account: PublicKey, device: PublicKey): string {
  return hex.encode(sha256(bytesOf(account), bytesOf(device)).subarray(0, 4)).toUpperCase();
}

const keyOf = (text: string): PublicKey => idOf<PublicKey>(hex.decode(text.toLowerCase()));

export function accountHandlers({
  governance,
}: Pick<GovernanceParts, "governance">): HandlersOf<typeof accountEndpoints> {
  return {
    "accounts.pairInit": async ({ params, body }) => {
      if (body.accountRootPublicKey === undefined) {
        throw new ShoalError("invalid_argument", "expected the key of the account", { field: "accountRootPublicKey" });
      }
      const account = keyOf(body.accountRootPublicKey);
      await governance.replica.expect(params.namespace);
      const device = accountOf(governance.account);
      return {
        data: {
          accountId: accountOf(account),
          deviceId: device,
          kemPublicKey: device,
          signPublicKey: device,
          statement: hex.encode(governance.signAsAccount(deviceBytes(params.namespace, account))),
          confirmationCode: confirmationCode(account, governance.account),
        },
      };
    },
    "accounts.pairComplete": async ({ params, body }) => {
      const device = keyOf(body.signPublicKey);
      if (device !== keyOf(body.deviceId)) {
        throw new ShoalError("invalid_argument", "a device is named by the key that it signs with", {
          field: "deviceId",
        });
      }
      if (body.confirmationCode.toUpperCase() !== confirmationCode(governance.account, device)) {
        throw new ShoalError("permission_denied", "the code is not that of this device and this account", {
          field: "confirmationCode",
        });
      }
      const proof = base58.encode(hex.decode(body.statement.toLowerCase()));
      await governance.act(params.namespace, [{ type: "AccountDeviceLinked", device, proof }]);
      return { data: { accountId: accountOf(governance.account), deviceId: accountOf(device) } };
    },
    "accounts.revoke": async ({ params, body }) => {
      const device = keyOf(body.deviceId);
      await governance.act(params.namespace, [{ type: "AccountDeviceUnlinked", device }]);
      return { data: { accountId: accountOf(governance.account), deviceId: accountOf(device) } };
    },
    "accounts.fleetJoin": async () => {
      throw new ShoalError("unavailable", "no member of the group is among this node's peers to admit it");
    },
  };
}
