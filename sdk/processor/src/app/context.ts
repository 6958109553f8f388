/** What a processor knows of itself and may ask of the SDK. */
import type { Log } from "@shoal/shared/base/log.ts";
import type { ResetLevel } from "../recovery/reset.ts";
import type { OutgoingEvent } from "./output.ts";

export interface ProcessorContext {
  readonly processorId: string;
  readonly podName: string;
  readonly namespace: string;
  readonly appVersion: string;
  /** Number of the activation; 0 outside a cluster. */
  readonly epoch: number;
  /** 1 for a first start, one more for each restart in rapid succession. */
  readonly attemptNumber: number;
  readonly isMigrating: boolean;
  readonly previousPodName: string | undefined;
  /** Aborted when the processor has to stop: finish what you do and return. */
  readonly shutdown: AbortSignal;
  /** Aborted when the pod is about to be replaced, before `shutdown`. */
  readonly migrationImminent: AbortSignal;
  /** The environment without `DORY_*` and `KUBERNETES_*`: the template's and the user's settings. */
  config(): Readonly<Record<string, string>>;
  logger(): Log;
  /** Throws `conflict` once another activation has taken over. */
  publish(event: OutgoingEvent): Promise<void>;
  reset(level: ResetLevel): Promise<void>;
}

const PLATFORM = /^(?:DORY|KUBERNETES)_/;

export function ownSettings(env: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  const own = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !PLATFORM.test(entry[0]),
  );
  return Object.fromEntries(own);
}
