/**
 * Ends a pod's right to act as a processor. It began with the place (`../../placement/commit.ts`), once for each epoch; ending
 * it again changes nothing.
 */
import type { Effect, EffectKind } from "./effect.ts";

export interface ActivationClosed extends Effect {
  readonly kind: "activation-closed";
  readonly processorId: string;
  readonly epoch: number;
}

export const activationClosed: EffectKind<ActivationClosed> = {
  kind: "activation-closed",
  fields: { processorId: "text", epoch: "bigint" },
  statement: `update activations a set ended_at = now() from activation_closed_rows r
    where a.processor_id = r.processor_id and a.epoch = r.epoch and a.ended_at is null`,
};
