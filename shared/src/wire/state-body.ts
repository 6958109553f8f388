/**
 * A processor's transferable state: what `GET /state` answers, `POST /state` takes and every backend keeps. Field names are
 * those of Dory's ApplicationState; `epoch`, `sequence`, `digest` and `output` are additions that its readers ignore.
 */
import { z } from "zod";

export const STATE_VERSION = "1.0";

const count = z.int().min(0);

export const stateBodySchema = z.looseObject({
  pod_name: z.string(),
  app_name: z.string(),
  captured_at: z.string().describe("RFC 3339 in UTC"),
  state_version: z.string(),
  data: z.record(z.string(), z.unknown()).describe("the processor's own state"),
  metrics: z.record(z.string(), z.unknown()).default({}),
  connections: z.array(z.unknown()).default([]),
  active_sessions: count.default(0),
  session_data: z.record(z.string(), z.unknown()).default({}),
  uptime_seconds: z.number().min(0).default(0),
  request_count: count.default(0),
  last_health_time: z.string().nullable().default(null),
  epoch: count.default(0).describe("the activation that captured it; an older one never replaces a newer one"),
  sequence: count.default(0).describe("grows with every capture of a processor"),
  digest: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional()
    .describe("SHA-256 of the JSON text of `data`"),
  output: z.unknown().optional().describe("where the publisher stood: its sequence and what was not yet confirmed"),
});
export type StateBody = z.output<typeof stateBodySchema>;
