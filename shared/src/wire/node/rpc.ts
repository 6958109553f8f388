/**
 * JSON-RPC 2.0 of a node (`/jsonrpc`, `/rpc`), and the messages of its WebSocket, which takes the same `execute`. A batch is
 * refused: no client of merod sends one, and each call is authorized by itself.
 */
import { z } from "zod";
import { contextIdSchema, publicKeySchema } from "./ids.ts";
import { topicsSchema } from "./streams.ts";
import { byteArraySchema, NODE_CAPS, optionally } from "./values.ts";

/** Exports of a module; what begins with `__calimero` is between node and module. */
const methodName = z
  .string()
  .regex(/^[A-Za-z0-9_]+$/, "expected letters, digits and _")
  .max(NODE_CAPS.methodBytes)
  .refine((name) => !name.startsWith("__calimero"), { error: "names with __calimero are the node's own" });

/** Taken as it is, whatever its size: only the guest knows what is in it. */
const argumentsSchema = z
  .custom<Readonly<Record<string, unknown>>>(
    (value) => typeof value === "object" && value !== null && !Array.isArray(value),
    { error: "expected an object of named arguments" },
  )
  .meta({ type: "object" });

export const executeParamsSchema = z.object({
  contextId: contextIdSchema,
  method: methodName,
  argsJson: argumentsSchema,
  executorPublicKey: optionally(publicKeySchema).describe("G2; without it the node's own identity acts"),
  substitute: optionally(z.array(z.string().min(1).max(NODE_CAPS.aliasBytes)).max(NODE_CAPS.capabilities)),
});

export const rpcRequestSchema = z.discriminatedUnion("method", [
  z.object({ method: z.literal("execute"), params: executeParamsSchema }),
  z.object({ method: z.literal("sync_status"), params: z.object({ contextId: contextIdSchema }) }),
  z.object({
    method: z.literal("set_ephemeral"),
    params: z.object({ contextId: contextIdSchema, state: byteArraySchema(NODE_CAPS.ephemeralBytes) }),
  }),
]);
export type RpcRequest = z.output<typeof rpcRequestSchema>;

export const socketRequestSchema = z.discriminatedUnion("method", [
  z.object({ method: z.literal("subscribe"), params: topicsSchema }),
  z.object({ method: z.literal("unsubscribe"), params: topicsSchema }),
  z.object({ method: z.literal("execute"), params: executeParamsSchema }),
]);
export type SocketRequest = z.output<typeof socketRequestSchema>;
