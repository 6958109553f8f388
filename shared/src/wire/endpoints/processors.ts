/** Processors: what is asked for, and how far it has come. */
import { z } from "zod";
import { PROCESSOR_CONDITIONS, PROCESSOR_STAGES, type ProcessorStatus } from "../../model/processor.ts";
import { runtimeConfigOverlaySchema } from "../runtime-config.ts";
import { idOrNameSchema, idSchema, instantSchema, processorNameSchema } from "../ids.ts";
import { defineEndpoint } from "./endpoint.ts";
import { operationSchema } from "./operations.ts";
import { flag, pageOf, pageQuery } from "./page.ts";

const STATUSES = [
  "pending",
  "starting",
  "running",
  "stopping",
  "terminated",
  "failed",
] as const satisfies readonly ProcessorStatus[];
export const NODE_TYPES = ["managed", "edge"] as const;

export const conditionSchema = z.strictObject({
  type: z.enum(PROCESSOR_CONDITIONS),
  status: z.enum(["True", "False", "Unknown"]),
  reason: z.string(),
  message: z.string(),
  since: instantSchema,
  observed_generation: z.int(),
});

export const processorSchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  template_id: z.string(),
  template: z.string().describe("slug of the template"),
  sensor_id: z.string().nullable(),
  cluster_id: z.string(),
  node_type: z.enum(NODE_TYPES),
  config: runtimeConfigOverlaySchema.describe("laid over the template version's runtime configuration"),
  generation: z.int().describe("grows with each change of what is asked for; the ETag"),
  observed_generation: z.int().describe("the latest generation that was made true"),
  status: z.enum(STATUSES),
  stage: z.enum(PROCESSOR_STAGES),
  stage_since: instantSchema,
  conditions: z.array(conditionSchema),
  health_status: z.string(),
  epoch: z.int().describe("number of the activation; every pod of the processor has its own"),
  pod_name: z.string().nullable(),
  host_name: z.string().nullable(),
  deletion_requested_at: instantSchema.nullable(),
  terminated_at: instantSchema.nullable(),
  created_at: instantSchema,
  updated_at: instantSchema,
});
export type Processor = z.output<typeof processorSchema>;

const processor = z.strictObject({ id: idOrNameSchema });
const accepted = z.strictObject({ operation: operationSchema, processor: processorSchema });

export const processorEndpoints = [
  defineEndpoint({
    id: "processors.create",
    method: "POST",
    path: "/api/v1/processors",
    scope: "processors:write",
    summary: "Asks for a processor",
    body: z.strictObject({
      name: processorNameSchema,
      template: idOrNameSchema.describe("id or slug of the template"),
      node_type: z.enum(NODE_TYPES).default("managed"),
      cluster: idOrNameSchema.optional().describe("id or name; the first cluster where it is left out"),
      sensor_id: idSchema.optional(),
      config: runtimeConfigOverlaySchema.default({}),
    }),
    responses: { 202: accepted },
    errors: ["already_exists", "conflict", "plan_limit_exceeded"],
  }),
  defineEndpoint({
    id: "processors.list",
    method: "GET",
    path: "/api/v1/processors",
    scope: "processors:read",
    summary: "Processors, newest first; terminated ones only where `status` asks for them",
    query: z.strictObject({
      ...pageQuery,
      status: z.enum(STATUSES).optional(),
      template: idOrNameSchema.optional().describe("id or slug"),
      node_type: z.enum(NODE_TYPES).optional(),
      name_prefix: z.string().min(1).max(40).optional(),
    }),
    responses: { 200: pageOf(processorSchema) },
  }),
  defineEndpoint({
    id: "processors.get",
    method: "GET",
    path: "/api/v1/processors/{id}",
    scope: "processors:read",
    summary: "One processor, by id or name; the ETag is its generation",
    params: processor,
    responses: { 200: processorSchema },
    errors: ["not_found"],
  }),
  defineEndpoint({
    id: "processors.update",
    method: "PATCH",
    path: "/api/v1/processors/{id}",
    scope: "processors:write",
    summary: "Merges a change into what is asked for (JSON merge patch: null removes); needs `If-Match`",
    params: processor,
    body: z.strictObject({
      name: processorNameSchema.optional(),
      config: z.record(z.string().max(64), z.unknown()).optional().describe("merge patch of `config`"),
    }),
    responses: { 202: accepted },
    errors: ["not_found", "already_exists", "conflict", "precondition_required", "precondition_failed"],
    conditional: true,
  }),
  defineEndpoint({
    id: "processors.delete",
    method: "DELETE",
    path: "/api/v1/processors/{id}",
    scope: "processors:write",
    summary: "Asks for the processor to be gone; works from every state, and again",
    params: processor,
    responses: { 202: accepted },
    errors: ["not_found"],
  }),
  defineEndpoint({
    id: "processors.restart",
    method: "POST",
    path: "/api/v1/processors/{id}/restart",
    scope: "processors:write",
    summary: "Replaces the processor's pod by a new one of the same configuration",
    params: processor,
    responses: { 202: accepted },
    errors: ["not_found", "conflict"],
  }),
  defineEndpoint({
    id: "processors.logs",
    method: "GET",
    path: "/api/v1/processors/{id}/logs",
    scope: "processors:read",
    summary: "Log lines of the processor's pod; `follow` goes on until the pod ends",
    params: processor,
    query: z.strictObject({
      tail: z.coerce.number<number>().int().min(0).max(10_000).default(200),
      follow: flag.default(false),
      previous: flag.default(false).describe("the container's former life"),
    }),
    responses: { 200: "text" },
    errors: ["not_found", "conflict"],
  }),
] as const;
