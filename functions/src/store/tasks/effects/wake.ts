/** Knocks at another task. A task that wants to be looked at again itself says `requeue` instead. */
import { wakeStatement } from "../wake.ts";
import type { Effect, EffectKind } from "./effect.ts";

export interface WakeEffect extends Effect {
  readonly kind: "wake";
  readonly taskKind: string;
  readonly key: string;
  readonly organisationId?: string | undefined;
  readonly generation?: number;
  readonly afterMs?: number;
  readonly traceId?: string | undefined;
}

export const wakeOther: EffectKind<WakeEffect> = {
  kind: "wake",
  fields: {
    taskKind: "text",
    key: "text",
    organisationId: "text",
    generation: "bigint",
    afterMs: "bigint",
    traceId: "text",
  },
  statement: wakeStatement(`(select task_kind as kind, key, organisation_id, coalesce(generation, 0) as generation,
      coalesce(after_ms, 0) as after_ms, trace_id from wake_rows) as knock`),
  knocksAt: (effect) => [effect.taskKind, effect.key],
};
