/** Operations: the handles of asynchronous requests. */
import { z } from "zod";
import { OPERATION_KINDS, OPERATION_STATES } from "../../model/operation.ts";
import { idSchema, instantSchema } from "../ids.ts";
import { defineEndpoint } from "./endpoint.ts";
import { pageOf, pageQuery } from "./page.ts";

export const operationSchema = z.strictObject({
  id: z.string(),
  kind: z.enum(OPERATION_KINDS),
  resource_kind: z.string(),
  resource_id: z.string(),
  generation: z.int().describe("it succeeds once the resource has observed this generation"),
  state: z.enum(OPERATION_STATES),
  error: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
  requested_by: z.string(),
  trace_id: z.string().nullable(),
  created_at: instantSchema,
  updated_at: instantSchema,
  done_at: instantSchema.nullable(),
});
export type Operation = z.output<typeof operationSchema>;

/** The longest that a request may wait for an operation. */
export const LONGEST_WAIT_SECONDS = 60;

const operation = z.strictObject({ id: idSchema });

export const operationEndpoints = [
  defineEndpoint({
    id: "operations.list",
    method: "GET",
    path: "/api/v1/operations",
    scope: "processors:read",
    summary: "Operations, newest first",
    query: z.strictObject({
      ...pageQuery,
      resource: idSchema.optional().describe("id of the resource"),
      state: z.enum(OPERATION_STATES).optional(),
    }),
    responses: { 200: pageOf(operationSchema) },
  }),
  defineEndpoint({
    id: "operations.get",
    method: "GET",
    path: "/api/v1/operations/{id}",
    scope: "processors:read",
    summary: "One operation; with `wait`, as soon as it has ended or the time is up, whichever comes first",
    params: operation,
    query: z.strictObject({
      wait: z
        .string()
        .regex(/^([0-9]|[1-5][0-9]|60)s$/, `seconds, such as 30s; at most ${LONGEST_WAIT_SECONDS}s`)
        .optional(),
    }),
    responses: { 200: operationSchema },
    errors: ["not_found"],
  }),
  defineEndpoint({
    id: "operations.cancel",
    method: "POST",
    path: "/api/v1/operations/{id}/cancel",
    scope: "processors:write",
    summary: "Withdraws the wish where that is still possible: a processor that is not placed yet is deleted",
    params: operation,
    responses: { 202: operationSchema },
    errors: ["not_found", "conflict"],
  }),
] as const;
