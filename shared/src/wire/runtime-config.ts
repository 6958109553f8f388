/**
 * `runtime_config_template`: what a template version says about its pod, and (partially) what a processor lays over it.
 * Field names and defaults are those of the Dory platform's JSON column; unknown fields are refused, so that a typing
 * error in a template is told at once and not found on a dead pod.
 */
import { z } from "zod";
import { PROCESSOR_LIMITS } from "../model/processor.ts";

const cpu = z
  .string()
  .regex(/^([1-9][0-9]{0,6}m|[1-9][0-9]{0,3}|0?\.[1-9]|[1-9][0-9]{0,3}\.[0-9])$/, "a CPU quantity such as 500m or 2");
const memory = z.string().regex(/^[1-9][0-9]{0,9}(Ki|Mi|Gi|Ti|K|M|G)?$/, "a memory quantity such as 512Mi or 2Gi");
const port = z.int().min(1).max(65_535);
const labelKey = z
  .string()
  .regex(/^([a-z0-9.-]{1,253}\/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/, "a label key");
const labelValue = z
  .string()
  .regex(/^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/, "a label value of at most 63 characters");
const envName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, "an environment variable's name");

/** Names that Shoal sets itself: a template that tried to would impersonate another processor. */
const RESERVED_ENV =
  /^(POD_(NAME|NAMESPACE|IP)|NODE_NAME|PROCESSOR_ID|DORY_(PROCESSOR_ID|POD_NAME|POD_NAMESPACE|STATE_TOKEN|EPOCH|APP_VERSION|IS_MIGRATING|MIGRATED_FROM|RABBITMQ_.*))$/;

const envVars = z
  .record(envName, z.string().max(PROCESSOR_LIMITS.envValueMaxLength))
  .refine(
    (vars) => Object.keys(vars).length <= PROCESSOR_LIMITS.envVarsMax,
    `at most ${PROCESSOR_LIMITS.envVarsMax} variables`,
  )
  .superRefine((vars, context) => {
    for (const name of Object.keys(vars)) {
      if (RESERVED_ENV.test(name))
        context.addIssue({ code: "custom", path: [name], message: "is set by Shoal and cannot be overridden" });
    }
  });

const requirement = z.strictObject({
  key: labelKey,
  operator: z.enum(["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]),
  values: z.array(labelValue).max(50).optional(),
});
const toleration = z.strictObject({
  key: labelKey.optional(),
  operator: z.enum(["Exists", "Equal"]).optional(),
  value: labelValue.optional(),
  effect: z.enum(["NoSchedule", "PreferNoSchedule", "NoExecute"]).optional(),
  toleration_seconds: z.int().min(0).max(31_536_000).optional(),
});
const spread = z.strictObject({
  topology_key: z.enum(["topology.kubernetes.io/zone", "kubernetes.io/hostname"]),
  max_skew: z.int().min(1).max(100),
  when_unsatisfiable: z.enum(["DoNotSchedule", "ScheduleAnyway"]),
});

const resources = z.strictObject({
  cpu_request: cpu.default("500m"),
  memory_request: memory.default("512Mi"),
  cpu_limit: cpu.default("2000m"),
  memory_limit: memory.default("2Gi"),
  gpu_required: z.boolean().default(false),
  gpu_limit: z.int().min(0).max(16).default(0),
});
const container = z.strictObject({
  port: port.default(8080),
  command: z.array(z.string().max(4096)).max(64).optional(),
  args: z.array(z.string().max(4096)).max(256).optional(),
  image_pull_policy: z.enum(["Always", "IfNotPresent", "Never"]).default("IfNotPresent"),
});
const healthProbes = z.strictObject({
  initial_delay_sec: z.int().min(0).max(3600).default(60),
  period: z.int().min(1).max(300).default(10),
  timeout: z.int().min(1).max(60).default(3),
  failure_threshold: z.int().min(1).max(30).default(3),
});
const placement = z.strictObject({
  node_selector: z.record(labelKey, labelValue).default({}),
  tolerations: z.array(toleration).max(20).default([]),
  required_affinity: z.array(requirement).max(20).default([]),
  preferred_affinity: z
    .array(z.strictObject({ weight: z.int().min(1).max(100), requirement }))
    .max(20)
    .default([]),
  spread: z.array(spread).max(4).default([]),
});

/** The whole, with defaults filled in. */
export const runtimeConfigSchema = z.strictObject({
  resources: resources.prefault({}),
  container: container.prefault({}),
  health_probes: healthProbes.prefault({}),
  env_vars: envVars.default({}),
  placement: placement.prefault({}),
});
export type RuntimeConfig = z.output<typeof runtimeConfigSchema>;

/** What a processor may lay over its template's: every field optional, no defaults. */
export const runtimeConfigOverlaySchema = z.strictObject({
  resources: z
    .strictObject({
      cpu_request: cpu,
      memory_request: memory,
      cpu_limit: cpu,
      memory_limit: memory,
      gpu_required: z.boolean(),
      gpu_limit: z.int().min(0).max(16),
    })
    .partial()
    .optional(),
  container: z
    .strictObject({ command: z.array(z.string().max(4096)).max(64), args: z.array(z.string().max(4096)).max(256) })
    .partial()
    .optional(),
  health_probes: z
    .strictObject({
      initial_delay_sec: z.int().min(0).max(3600),
      period: z.int().min(1).max(300),
      timeout: z.int().min(1).max(60),
      failure_threshold: z.int().min(1).max(30),
    })
    .partial()
    .optional(),
  env_vars: envVars.optional(),
  placement: z
    .strictObject({
      node_selector: z.record(labelKey, labelValue),
      tolerations: z.array(toleration).max(20),
      required_affinity: z.array(requirement).max(20),
      preferred_affinity: z.array(z.strictObject({ weight: z.int().min(1).max(100), requirement })).max(20),
      spread: z.array(spread).max(4),
    })
    .partial()
    .optional(),
});
export type RuntimeConfigOverlay = z.output<typeof runtimeConfigOverlaySchema>;

/** The effective configuration: sections merge, their fields replace, `env_vars` and `node_selector` merge by name. */
export function effectiveConfig(template: RuntimeConfig, overlay: RuntimeConfigOverlay): RuntimeConfig {
  return {
    resources: { ...template.resources, ...defined(overlay.resources) },
    container: { ...template.container, ...defined(overlay.container) },
    health_probes: { ...template.health_probes, ...defined(overlay.health_probes) },
    env_vars: { ...template.env_vars, ...overlay.env_vars },
    placement: {
      ...template.placement,
      ...defined(overlay.placement),
      node_selector: { ...template.placement.node_selector, ...overlay.placement?.node_selector },
    },
  };
}

/** `exactOptionalPropertyTypes` tells absent from undefined; a JSON body cannot carry undefined, so this only narrows. */
function defined<T extends object>(section: T | undefined): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return section ?? {};
}

/** An image as `name` and `sha256:` digest; a tag may be there for people, the digest is what runs. */
export const imageUriSchema = z
  .string()
  .max(500)
  .regex(/^[a-z0-9]([a-z0-9._:/-]*[a-z0-9])?$/, "an image name without a digest, such as registry.example.com/team/app")
  .refine((uri) => !uri.includes("@"), "carries a digest: give it in `digest`");
export const digestSchema = z.string().regex(/^sha256:[0-9a-f]{64}$/, "sha256: and 64 hexadecimal digits");
