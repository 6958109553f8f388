/** Upgrades: the application that a group's contexts run, and how far this node is with moving them. */
import { z } from "zod";
import { dataOf, defineNodeEndpoint } from "../endpoint.ts";
import { applicationIdSchema } from "../ids.ts";
import { NODE_CAPS, optionally } from "../values.ts";
import { ofGroup, onlyRequester, requester, upgradeResultSchema, upgradeStatusSchema } from "./values.ts";

const manage = "group:manage[{group}]";
const list = "group:list[{group}]";

const report = z.object({
  schemaVersion: z.int(),
  residueAuto: z.int(),
  syncedUpToHlc: z.int(),
  reportedAt: z.number(),
  authoredRemaining: z.int(),
  migrationFailed: z.string().optional(),
});

export const upgradeEndpoints = [
  defineNodeEndpoint({
    id: "upgrades.start",
    method: "POST",
    path: "/admin-api/groups/{group}/upgrade",
    permission: manage,
    summary: "Sets the group's application; contexts move by the group's policy",
    params: ofGroup,
    body: z.object({
      targetApplicationId: applicationIdSchema,
      migrateMethod: optionally(z.string().min(1).max(NODE_CAPS.methodBytes)),
      cascade: z.boolean().default(false),
      forceCodeOnly: z.boolean().default(false),
      ...requester,
    }),
    answer: dataOf(upgradeResultSchema),
    generation: "G2 G3",
    errors: ["not_found", "permission_denied", "conflict"],
  }),
  defineNodeEndpoint({
    id: "upgrades.status",
    method: "GET",
    path: "/admin-api/groups/{group}/upgrade/status",
    permission: list,
    summary: "How far this node is; null where the group was never upgraded here",
    params: ofGroup,
    answer: dataOf(upgradeStatusSchema.nullable()),
    generation: "G2 G3",
    errors: ["not_found"],
  }),
  defineNodeEndpoint({
    id: "upgrades.retry",
    method: "POST",
    path: "/admin-api/groups/{group}/upgrade/retry",
    permission: manage,
    summary: "Moves now what waits or failed; the word that a coordinated upgrade waits for",
    params: ofGroup,
    body: onlyRequester,
    answer: dataOf(upgradeResultSchema),
    generation: "G2 G3",
    errors: ["not_found"],
  }),
  defineNodeEndpoint({
    id: "upgrades.cascade",
    method: "GET",
    path: "/admin-api/groups/{group}/cascade-status",
    permission: list,
    summary: "The upgrade of a group and of those below that came along",
    params: ofGroup,
    answer: dataOf(z.array(z.object({ groupId: z.string(), upgrade: upgradeStatusSchema }))),
    generation: "G3",
    errors: ["not_found"],
  }),
  defineNodeEndpoint({
    id: "upgrades.migration",
    method: "GET",
    path: "/admin-api/groups/{group}/migration-status",
    permission: list,
    summary: "Who of the members has moved, as far as this node knows",
    params: ofGroup,
    answer: z.object({
      targetVersion: z.int(),
      expectedMembers: z.int(),
      fleetCompletedAt: z.number().optional(),
      rollup: z.object({
        migrated: z.int(),
        inProgress: z.int(),
        unknown: z.int(),
        failed: z.int(),
        total: z.int(),
        allMigrated: z.boolean(),
        membersPendingSignature: z.int(),
      }),
      members: z.array(
        z.object({
          peer: z.string(),
          account: z.string(),
          report: report.optional(),
          state: z.enum(["migrated", "in_progress", "unknown", "failed"]),
        }),
      ),
    }),
    generation: "G3",
    errors: ["not_found"],
  }),
  defineNodeEndpoint({
    id: "upgrades.abort",
    method: "POST",
    path: "/admin-api/groups/{group}/migration/abort",
    permission: manage,
    summary: "Goes back to the application before, for contexts that have not moved",
    params: ofGroup,
    body: onlyRequester,
    answer: dataOf(z.object({ aborted: z.boolean() })),
    generation: "G3",
    errors: ["not_found", "permission_denied"],
  }),
] as const;
