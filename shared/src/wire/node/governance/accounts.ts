/**
 * Accounts over several devices, each in one namespace. The new device proves that it agrees (`pair-init`), a person carries
 * that to the account's own node, which links it (`pair-complete`) or withdraws it later (`revoke`).
 */
import { z } from "zod";
import { dataOf, defineNodeEndpoint } from "../endpoint.ts";
import { groupIdSchema } from "../ids.ts";
import { hex32, ofGroup } from "./values.ts";

const ofNamespace = z.object({ namespace: groupIdSchema });
const key = hex32;
const signature = z.string().regex(/^[0-9a-fA-F]{128}$/, "expected 128 hex digits");
const device = dataOf(z.object({ accountId: z.string(), deviceId: z.string() }));

export const accountEndpoints = [
  defineNodeEndpoint({
    id: "accounts.pairInit",
    method: "POST",
    path: "/admin-api/namespaces/{namespace}/account/pair-init",
    permission: "namespace:manage[{namespace}]",
    summary: "Says that this node agrees to be a device of an account that lives on another node",
    params: ofNamespace,
    body: z.object({ accountRootPublicKey: key.optional().describe("required: the account's key") }),
    answer: dataOf(
      z.object({
        accountId: z.string(),
        deviceId: z.string(),
        kemPublicKey: z.string(),
        signPublicKey: z.string(),
        statement: z.string(),
        confirmationCode: z.string().describe("for a person to compare on both nodes"),
      }),
    ),
    generation: "G3",
    errors: ["not_found"],
  }),
  defineNodeEndpoint({
    id: "accounts.pairComplete",
    method: "POST",
    path: "/admin-api/namespaces/{namespace}/account/pair-complete",
    permission: "namespace:manage[{namespace}]",
    summary: "Links a device that agreed to it",
    params: ofNamespace,
    body: z.object({
      deviceId: key,
      kemPublicKey: key,
      signPublicKey: key,
      statement: signature,
      confirmationCode: z.string().min(1).max(64),
    }),
    answer: device,
    generation: "G3",
    errors: ["not_found", "permission_denied", "already_exists"],
  }),
  defineNodeEndpoint({
    id: "accounts.revoke",
    method: "POST",
    path: "/admin-api/namespaces/{namespace}/account/revoke",
    permission: "namespace:manage[{namespace}]",
    summary: "Withdraws a device from the account",
    params: ofNamespace,
    body: z.object({ deviceId: key, proof: z.string().max(16_384).optional() }),
    answer: device,
    generation: "G3",
    errors: ["not_found"],
  }),
  defineNodeEndpoint({
    id: "accounts.fleetJoin",
    method: "POST",
    path: "/admin-api/tee/fleet-join",
    permission: "admin",
    summary: "Asks the members of a group to admit this machine by its quote",
    body: z.object({ groupId: ofGroup.shape.group }),
    answer: z.object({ status: z.string(), group_id: z.string() }),
    generation: "G3",
    errors: ["not_found"],
  }),
] as const;
