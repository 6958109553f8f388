/** Server-sent events: a stream, what it subscribes to, and its session. Shapes are upstream's. */
import { z } from "zod";
import { defineNodeEndpoint } from "./endpoint.ts";
import { contextIdSchema, groupIdSchema } from "./ids.ts";

/** What one subscription may name, and what one stream or socket may be subscribed to. */
export const SUBSCRIPTION_CAPS = { perRequest: 1000, perStream: 10_000 } as const;

export const topicsSchema = z.object({
  contextIds: z.array(contextIdSchema).max(SUBSCRIPTION_CAPS.perRequest).default([]),
  groupIds: z.array(groupIdSchema).max(SUBSCRIPTION_CAPS.perRequest).default([]),
});
export type Topics = z.output<typeof topicsSchema>;

/** A session's number, as text: JavaScript's numbers do not hold 64 bits. */
export const sessionIdSchema = z.string().regex(/^[0-9]{1,20}$/, "expected the digits of a session id");

export const streamEndpoints = [
  defineNodeEndpoint({
    id: "sse.open",
    method: "GET",
    path: "/sse",
    permission: "authenticated",
    summary: "Opens a stream of events; Last-Event-ID takes up the subscriptions of the session that it names",
    answer: "events",
    generation: "G2 G3",
    errors: ["unavailable"],
  }),
  defineNodeEndpoint({
    id: "sse.subscription",
    method: "POST",
    path: "/sse/subscription",
    permission: "authenticated",
    summary: "Changes what a session's stream is told",
    body: z.object({ id: sessionIdSchema, method: z.enum(["subscribe", "unsubscribe"]), params: topicsSchema }),
    answer: z.object({
      result: z.object({
        status: z.enum(["subscribed", "unsubscribed"]),
        contexts: z.array(z.string()),
        groups: z.array(z.string()),
      }),
    }),
    generation: "G2 G3",
    errors: ["not_found"],
  }),
  defineNodeEndpoint({
    id: "sse.session",
    method: "GET",
    path: "/sse/session/{id}",
    permission: "authenticated",
    summary: "What a session is subscribed to",
    params: z.object({ id: sessionIdSchema }),
    answer: z.object({
      result: z.object({
        session_id: z.string(),
        subscriptions: z.array(z.string()),
        group_subscriptions: z.array(z.string()),
        event_counter: z.int(),
        status: z.enum(["active", "persisted"]),
      }),
    }),
    generation: "G2 G3",
    errors: ["not_found"],
  }),
] as const;
