/** The event feed: as a page, or as a stream that resumes where it was cut. */
import { z } from "zod";
import { idSchema, instantSchema } from "../ids.ts";
import { defineEndpoint } from "./endpoint.ts";
import { PAGE_LIMIT, pageQuery } from "./page.ts";

export const eventSchema = z.strictObject({
  cursor: z.string().describe("resume after it: `Last-Event-ID`, or `after`"),
  at: instantSchema,
  kind: z.string().describe("such as processor.running"),
  resource_kind: z.string(),
  resource_id: z.string(),
  generation: z.int().nullable(),
  reason: z.string(),
  message: z.string(),
  data: z.record(z.string(), z.unknown()),
  trace_id: z.string().nullable(),
});
export type FeedEvent = z.output<typeof eventSchema>;

export const eventEndpoints = [
  defineEndpoint({
    id: "events.list",
    method: "GET",
    path: "/api/v1/events",
    scope: "processors:read",
    summary: "Events in the order in which they happened; `Accept: text/event-stream` follows them live",
    query: z.strictObject({
      limit: pageQuery.limit,
      after: z
        .string()
        .min(1)
        .max(100)
        .optional()
        .describe("cursor to go on from; `now` skips what has happened already; left out: from the oldest kept"),
      resource: idSchema.optional().describe("id of the resource"),
      kind: z
        .string()
        .regex(/^[a-z][a-z_.-]{0,60}\*?$/, "a kind such as processor.running, or a prefix such as processor.*")
        .optional(),
    }),
    responses: {
      200: z.strictObject({
        items: z.array(eventSchema).max(PAGE_LIMIT.max),
        next_cursor: z.string().describe("goes on after the last of these, also when there is none yet"),
      }),
    },
    streams: true,
  }),
] as const;
