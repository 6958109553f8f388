/** Tells the feed what happened; `follow` reads it in the order of the transactions that told it. */
import type { Effect, EffectKind } from "./effect.ts";

export interface EventEffect extends Effect {
  readonly kind: "event";
  readonly organisationId: string;
  /** E.g. `processor.running`. */
  readonly eventKind: string;
  readonly resourceKind: string;
  readonly resourceId: string;
  readonly generation?: number | undefined;
  /** One CamelCase word. */
  readonly reason?: string;
  /** A sentence for people. */
  readonly message?: string;
  readonly data?: object;
  readonly traceId?: string | undefined;
}

export const event: EffectKind<EventEffect> = {
  kind: "event",
  fields: {
    organisationId: "text",
    eventKind: "text",
    resourceKind: "text",
    resourceId: "text",
    generation: "bigint",
    reason: "text",
    message: "text",
    data: "jsonb",
    traceId: "text",
  },
  statement: `insert into events (organisation_id, kind, resource_kind, resource_id, generation, reason, message, data, trace_id)
    select organisation_id, event_kind, resource_kind, resource_id, generation, coalesce(reason, ''), coalesce(message, ''),
      coalesce(data, '{}'), trace_id
    from event_rows`,
};
