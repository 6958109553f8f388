/**
 * Which pod acts as a processor. An epoch has one holder, ever: opening it a second time changes nothing, and so does
 * closing it again.
 */
import type { Effect, EffectKind } from "./effect.ts";

export interface ActivationOpened extends Effect {
  readonly kind: "activation-opened";
  readonly processorId: string;
  readonly epoch: number;
  readonly organisationId: string;
  readonly podName: string;
  readonly podUid?: string | undefined;
  readonly hostName?: string | undefined;
  /** Why there is a new one, in words. */
  readonly because: string;
}

export interface ActivationClosed extends Effect {
  readonly kind: "activation-closed";
  readonly processorId: string;
  readonly epoch: number;
}

export const activationOpened: EffectKind<ActivationOpened> = {
  kind: "activation-opened",
  fields: {
    processorId: "text",
    epoch: "bigint",
    organisationId: "text",
    podName: "text",
    podUid: "text",
    hostName: "text",
    because: "text",
  },
  statement: `insert into activations (processor_id, epoch, organisation_id, pod_name, pod_uid, host_name, because)
    select processor_id, epoch, organisation_id, pod_name, pod_uid, host_name, because from activation_opened_rows
    on conflict (processor_id, epoch) do nothing`,
};

export const activationClosed: EffectKind<ActivationClosed> = {
  kind: "activation-closed",
  fields: { processorId: "text", epoch: "bigint" },
  statement: `update activations a set ended_at = now() from activation_closed_rows r
    where a.processor_id = r.processor_id and a.epoch = r.epoch and a.ended_at is null`,
};
