/** What the endpoints of governance have in common. */
import { base58, hex } from "@scure/base";
import { z } from "zod";
import { contextIdSchema, groupIdSchema, publicKeySchema, type PublicKey } from "../ids.ts";
import { NODE_CAPS, optionally } from "../values.ts";

/**
 * A member. The second generation writes a key in base58, the third an account in 64 hex digits; here an account is its key,
 * so that either spelling names the same member.
 */
export const memberSchema = z
  .string()
  .transform((text) => (/^[0-9a-fA-F]{64}$/.test(text) ? base58.encode(hex.decode(text.toLowerCase())) : text))
  .pipe(publicKeySchema) as unknown as z.ZodType<PublicKey, string>;

/** Second generation: in whose name to act; absent, the node's account. */
export const requester = { requester: optionally(memberSchema) };
export const onlyRequester = z.object(requester);

export const ofGroup = z.object({ group: groupIdSchema });
export const ofMember = z.object({ group: groupIdSchema, member: memberSchema });
export const ofContext = z.object({ group: groupIdSchema, context: contextIdSchema });

export const roleSchema = z.enum(["Admin", "Member", "ReadOnly", "ReadOnlyTee"]);
export const visibilitySchema = z.enum(["open", "restricted"]);
export const capabilityMask = z.int().min(0).max(0xffff_ffff);
export const nameSchema = z
  .string()
  .min(1)
  .max(NODE_CAPS.aliasBytes + 14);
export const hex32 = z
  .string()
  .regex(/^[0-9a-fA-F]{64}$/, "expected 64 hex digits")
  .toLowerCase();

const seconds = z.number().min(0).max(1e11);

/**
 * When contexts move to a new application. A coordinated deadline is a duration from now (`{secs}`, as upstream has it) or a
 * moment in Unix seconds.
 */
export const upgradePolicySchema = z.union([
  z.enum(["Automatic", "LazyOnAccess", "Coordinated"]),
  z.object({
    Coordinated: z.object({ deadline: optionally(z.union([seconds, z.object({ secs: seconds })])) }),
  }),
]);

export const metadataBody = z.object({
  name: optionally(z.string().max(NODE_CAPS.aliasBytes + 14)),
  data: z.record(z.string(), z.string()).default({}),
});
/** `updatedAt`: Unix seconds; `updatedBy`: account, hex. */
export const metadataSchema = z.object({
  name: z.string().nullable(),
  data: z.record(z.string(), z.string()),
  updatedAt: z.number(),
  updatedBy: z.string(),
});

const counts = {
  total: z.int().optional(),
  completed: z.int().optional(),
  failed: z.int().optional(),
  localContextsTotal: z.int().optional(),
  localContextsSwapped: z.int().optional(),
  localContextsFailed: z.int().optional(),
};
/** `in_progress`, `completed` or `aborted`; counts are this node's, under the names of both generations. */
export const upgradeResultSchema = z.object({ groupId: z.string(), status: z.string(), ...counts });
/** Times are Unix seconds. */
export const upgradeStatusSchema = z.object({
  fromVersion: z.string(),
  toVersion: z.string(),
  initiatedAt: z.number(),
  initiatedBy: z.string(),
  status: z.string(),
  ...counts,
  completedAt: z.number().optional(),
  /** Each context of this node, with why its last try failed or for what it waits. */
  localContexts: z.array(
    z.object({
      contextId: z.string(),
      state: z.enum(["waiting", "done", "failed"]),
      attempts: z.int(),
      error: z.string().optional(),
    }),
  ),
});
