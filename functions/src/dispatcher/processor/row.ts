/**
 * A processor as the dispatcher sees it: the row with its template, its active version, its sensor and its host, loaded
 * for a whole batch in one query. Everything a stage decides, it decides from this and from what it asks the cluster.
 */
import type { Condition } from "@shoal/shared/model/condition.ts";
import type { HealthStatus, ProcessorConditionType, ProcessorStage } from "@shoal/shared/model/processor.ts";
import type { Timestamp } from "@shoal/shared/base/time.ts";
import { podIntentHash, type PodIntent } from "@shoal/shared/decide/pod-spec.ts";
import { effectiveConfig, runtimeConfigOverlaySchema, runtimeConfigSchema } from "@shoal/shared/wire/runtime-config.ts";

export interface ProcessorRow {
  readonly id: string;
  readonly organisationId: string;
  readonly name: string;
  readonly clusterId: string;
  readonly namespace: string;
  readonly nodeType: "managed" | "edge";
  readonly stage: ProcessorStage;
  readonly stageSince: Timestamp;
  readonly generation: number;
  readonly observedGeneration: number;
  readonly deletionRequested: boolean;
  readonly restartsRequested: number;
  readonly conditions: readonly Condition<ProcessorConditionType>[];
  readonly healthStatus: HealthStatus;
  readonly epoch: number;
  readonly podName: string | undefined;
  readonly podUid: string | undefined;
  readonly podIp: string | undefined;
  readonly hostName: string | undefined;
  readonly specHash: string | undefined;
  readonly config: unknown;
  readonly templateSlug: string;
  /** The template's active version; undefined where there is none. */
  readonly version:
    | { readonly version: string; readonly imageUri: string; readonly digest: string; readonly runtimeConfig: unknown }
    | undefined;
  readonly sensor: PodIntent["sensor"];
  /** The host of its pod is being emptied. */
  readonly hostDraining: boolean;
  /** Pods of it that failed in the last ten minutes: what a crash loop is damped by. */
  readonly recentFailures: number;
}

export type IntentResult =
  | { readonly ok: true; readonly intent: PodIntent; readonly hash: string }
  | { readonly ok: false; readonly reason: "NoActiveVersion" | "InvalidConfig"; readonly message: string };

/** The pod that the row stands for at present, or why it stands for none. */
export function intentOf(row: ProcessorRow): IntentResult {
  if (row.version === undefined) {
    return { ok: false, reason: "NoActiveVersion", message: `template ${row.templateSlug} has no active version` };
  }
  const template = runtimeConfigSchema.safeParse(row.version.runtimeConfig);
  const overlay = runtimeConfigOverlaySchema.safeParse(row.config);
  if (!template.success || !overlay.success) {
    const issue = (template.error ?? overlay.error)?.issues[0];
    const where = issue === undefined ? "" : `${issue.path.join(".")}: ${issue.message}`;
    return {
      ok: false,
      reason: "InvalidConfig",
      message: `${template.success ? "config" : "runtime_config_template"} ${where}`,
    };
  }
  const intent: PodIntent = {
    processorId: row.id,
    processorName: row.name,
    organisationId: row.organisationId,
    templateSlug: row.templateSlug,
    version: row.version.version,
    imageUri: row.version.imageUri,
    digest: row.version.digest,
    nodeType: row.nodeType,
    namespace: row.namespace,
    config: effectiveConfig(template.data, overlay.data),
    restartsRequested: row.restartsRequested,
    sensor: row.sensor,
  };
  return { ok: true, intent, hash: podIntentHash(intent) };
}
