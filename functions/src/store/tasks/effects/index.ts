/** The kinds of effects that tasks have in production. */
import { activationClosed, type ActivationClosed } from "./activation.ts";
import type { EffectKind } from "./effect.ts";
import { event, type EventEffect } from "./event.ts";
import { operationProgress, type OperationProgress } from "./operation-progress.ts";
import { processorProgress, type ProcessorProgress } from "./processor-progress.ts";
import { wakeOther, type WakeEffect } from "./wake.ts";

export type ProductionEffect = ProcessorProgress | OperationProgress | ActivationClosed | EventEffect | WakeEffect;

/** In the order in which they appear in the completing statement. */
export const PRODUCTION_EFFECTS: readonly EffectKind[] = [
  processorProgress,
  operationProgress,
  activationClosed,
  event,
  wakeOther,
];
