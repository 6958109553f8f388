/**
 * Advances the operations that wait for a resource: all open ones up to a generation, since reaching a later intent answers
 * whoever asked for an earlier one. An operation that is done stays as it is (`OPERATION_TRANSITIONS`).
 */
import type { Effect, EffectKind } from "./effect.ts";

export interface OperationProgress extends Effect {
  readonly kind: "operation-progress";
  readonly resourceId: string;
  readonly upToGeneration: number;
  readonly state: "running" | "succeeded" | "failed";
  /** Only with `failed`. */
  readonly errorCode?: string;
  readonly errorMessage?: string;
}

export const operationProgress: EffectKind<OperationProgress> = {
  kind: "operation-progress",
  fields: { resourceId: "text", upToGeneration: "bigint", state: "text", errorCode: "text", errorMessage: "text" },
  statement: `update operations o set state = r.state, error_code = r.error_code, error_message = r.error_message,
      updated_at = now(), done_at = case when r.state in ('succeeded', 'failed') then now() end
    from operation_progress_rows r
    where o.resource_id = r.resource_id and o.generation <= r.up_to_generation
      and o.state in ('pending', 'running') and o.state <> r.state`,
  subject: (effect) => effect.resourceId,
};
