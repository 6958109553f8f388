/**
 * The pod that a processor's intent stands for. One pod per processor and epoch, never changed in place: whatever differs
 * here changes the content hash, and a changed hash is a new pod. Field values follow the platform's specification
 * (image@digest, probes, prestop, placement table, service account, pull secret, controller reference).
 */
import { contentHash } from "../base/content-hash.ts";
import type { PodManifest } from "../ports/pods.ts";
import type { RuntimeConfig } from "../wire/runtime-config.ts";

/** Raise it when the shape below changes in a way that running pods have to take over. */
const POD_SPEC_REVISION = 1;

export const POD_LABEL = {
  processorId: "processor-id",
  managedBy: "managed-by",
  app: "app",
  workloadLocation: "workload-location",
  epoch: "shoal.dev/epoch",
  specHash: "shoal.dev/spec-hash",
} as const;
export const MANAGED_BY = "dory-orchestrator";

export const SERVICE_ACCOUNT = "dory-processor";
/** The ConfigMap that every pod names as its controller, so that `kubectl drain` evicts bare pods without `--force`. */
export const SENTINEL_NAME = "dory-controller-ref";
/** Secret of the namespace that carries what pods need and their spec must not show. */
export const PROCESSOR_SECRET = "dory-processor-secrets";

/** What a pod is made from: the join of processor, template and active version, with the effective configuration. */
export interface PodIntent {
  readonly processorId: string;
  readonly processorName: string;
  readonly organisationId: string;
  readonly templateSlug: string;
  readonly version: string;
  readonly imageUri: string;
  readonly digest: string;
  readonly nodeType: "managed" | "edge";
  readonly namespace: string;
  readonly config: RuntimeConfig;
  readonly restartsRequested: number;
  readonly sensor:
    | { readonly name: string; readonly latitude: number | null; readonly longitude: number | null }
    | undefined;
}

export interface PodPlacement {
  readonly epoch: number;
  /** `undefined` leaves the choice to the cluster: nothing fits now, and a provisioned host is to take it. */
  readonly hostName: string | undefined;
  readonly sentinelUid: string;
  readonly imagePullSecret: string;
}

/** Hash of everything that decides what the pod is; where it runs and under which epoch does not count. */
export function podIntentHash(intent: PodIntent): string {
  return contentHash({ revision: POD_SPEC_REVISION, ...intent });
}

/** Deterministic, so that a repeated create finds the first one's pod: `<name>-<id's last 6>-<epoch>`. */
export function podNameOf(processorName: string, processorId: string, epoch: number): string {
  return `${processorName}-${processorId.slice(-6)}-${epoch}`;
}

export function podManifest(intent: PodIntent, placement: PodPlacement): PodManifest {
  const name = podNameOf(intent.processorName, intent.processorId, placement.epoch);
  const specHash = podIntentHash(intent);
  const labels = {
    [POD_LABEL.processorId]: intent.processorId,
    [POD_LABEL.managedBy]: MANAGED_BY,
    [POD_LABEL.app]: intent.templateSlug,
    [POD_LABEL.workloadLocation]: intent.nodeType,
    [POD_LABEL.epoch]: String(placement.epoch),
    [POD_LABEL.specHash]: specHash,
  };
  const object = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: intent.namespace,
      labels,
      annotations: {
        "shoal.dev/organisation": intent.organisationId,
        "shoal.dev/template-version": intent.version,
        // Karpenter and the cluster autoscaler leave the pod alone; moving it without downtime is our job.
        "karpenter.sh/do-not-disrupt": "true",
        "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
      },
      ownerReferences: [
        {
          apiVersion: "v1",
          kind: "ConfigMap",
          name: SENTINEL_NAME,
          uid: placement.sentinelUid,
          controller: true,
          blockOwnerDeletion: false,
        },
      ],
    },
    spec: podSpec(intent, placement, name),
  };
  return {
    name,
    namespace: intent.namespace,
    processorId: intent.processorId,
    epoch: placement.epoch,
    specHash,
    object,
  };
}

function podSpec(intent: PodIntent, placement: PodPlacement, podName: string): object {
  const { placement: wish } = intent.config;
  return {
    ...(placement.hostName === undefined ? {} : { nodeName: placement.hostName }),
    serviceAccountName: SERVICE_ACCOUNT,
    imagePullSecrets: [{ name: placement.imagePullSecret }],
    restartPolicy: "Always",
    terminationGracePeriodSeconds: 30,
    nodeSelector: { ...LOCATION[intent.nodeType].nodeSelector, ...wish.node_selector },
    tolerations: podTolerations(intent),
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: requiredAffinity(intent.config) }],
        },
        ...(wish.preferred_affinity.length === 0
          ? {}
          : {
              preferredDuringSchedulingIgnoredDuringExecution: wish.preferred_affinity.map((term) => ({
                weight: term.weight,
                preference: { matchExpressions: [term.requirement] },
              })),
            }),
      },
    },
    ...(wish.spread.length === 0
      ? {}
      : {
          topologySpreadConstraints: wish.spread.map((spread) => ({
            maxSkew: spread.max_skew,
            topologyKey: spread.topology_key,
            whenUnsatisfiable: spread.when_unsatisfiable,
            labelSelector: { matchLabels: { [POD_LABEL.app]: intent.templateSlug } },
          })),
        }),
    containers: [container(intent, placement, podName)],
  };
}

/** The placement table of the specification. */
const LOCATION = {
  managed: { nodeSelector: { "workload-type": "application" }, tolerations: [] },
  edge: {
    nodeSelector: { "node-type": "edge" },
    tolerations: [{ key: "edge-node", operator: "Equal", value: "true", effect: "NoSchedule" }],
  },
} as const;

export interface Requirement {
  readonly key: string;
  readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt";
  readonly values?: readonly string[];
}

/** Never on a system host, whatever the template says. */
export function requiredAffinity(config: RuntimeConfig): readonly Requirement[] {
  const asked = config.placement.required_affinity.map(({ key, operator, values }) => ({
    key,
    operator,
    ...(values === undefined ? {} : { values }),
  }));
  return [{ key: "node-role", operator: "NotIn", values: ["system"] }, ...asked];
}

export function podNodeSelector(intent: PodIntent): Readonly<Record<string, string>> {
  return { ...LOCATION[intent.nodeType].nodeSelector, ...intent.config.placement.node_selector };
}

export interface PodToleration {
  readonly key?: string;
  readonly operator?: "Exists" | "Equal";
  readonly value?: string;
  readonly effect?: "NoSchedule" | "PreferNoSchedule" | "NoExecute";
  readonly tolerationSeconds?: number;
}

export function podTolerations(intent: PodIntent): readonly PodToleration[] {
  const asked = intent.config.placement.tolerations.map((toleration) => ({
    ...(toleration.key === undefined ? {} : { key: toleration.key }),
    ...(toleration.operator === undefined ? {} : { operator: toleration.operator }),
    ...(toleration.value === undefined ? {} : { value: toleration.value }),
    ...(toleration.effect === undefined ? {} : { effect: toleration.effect }),
    ...(toleration.toleration_seconds === undefined ? {} : { tolerationSeconds: toleration.toleration_seconds }),
  }));
  return [...LOCATION[intent.nodeType].tolerations, ...asked];
}

function container(intent: PodIntent, placement: PodPlacement, podName: string): object {
  const { container: shape, health_probes: probes, resources } = intent.config;
  const gpu = resources.gpu_required ? Math.max(1, resources.gpu_limit) : resources.gpu_limit;
  const gpuResource = gpu > 0 ? { "nvidia.com/gpu": String(gpu) } : {};
  const probe = (path: string, delay: number): object => ({
    httpGet: { path, port: shape.port },
    initialDelaySeconds: delay,
    periodSeconds: probes.period,
    timeoutSeconds: probes.timeout,
    failureThreshold: probes.failure_threshold,
  });
  return {
    name: "processor",
    image: `${intent.imageUri}@${intent.digest}`,
    imagePullPolicy: shape.image_pull_policy,
    ...(shape.command === undefined ? {} : { command: shape.command }),
    ...(shape.args === undefined ? {} : { args: shape.args }),
    ports: [{ name: "http", containerPort: shape.port, protocol: "TCP" }],
    resources: {
      requests: { cpu: resources.cpu_request, memory: resources.memory_request, ...gpuResource },
      limits: { cpu: resources.cpu_limit, memory: resources.memory_limit, ...gpuResource },
    },
    env: environment(intent, placement, podName),
    // Readiness is asked for from the start: a processor that is ready early is in use early. Only liveness waits.
    readinessProbe: probe("/ready", 0),
    livenessProbe: probe("/health", probes.initial_delay_sec),
    lifecycle: { preStop: { httpGet: { path: "/prestop", port: shape.port } } },
  };
}

function environment(intent: PodIntent, placement: PodPlacement, podName: string): readonly object[] {
  const fromField = (name: string, fieldPath: string): object => ({ name, valueFrom: { fieldRef: { fieldPath } } });
  const fromSecret = (name: string, key: string): object => ({
    name,
    valueFrom: { secretKeyRef: { name: PROCESSOR_SECRET, key, optional: true } },
  });
  const own: Record<string, string> = {
    PROCESSOR_ID: intent.processorId,
    DORY_PROCESSOR_ID: intent.processorId,
    DORY_POD_NAME: podName,
    DORY_POD_NAMESPACE: intent.namespace,
    DORY_APP_VERSION: intent.version,
    DORY_EPOCH: String(placement.epoch),
    DORY_HEALTH_PORT: String(intent.config.container.port),
    DORY_HEALTH_PATH: "/health",
    DORY_READY_PATH: "/ready",
    DORY_METRICS_PATH: "/metrics",
  };
  if (intent.sensor !== undefined) {
    own["DORY_SENSOR_NAME"] = intent.sensor.name;
    if (intent.sensor.latitude !== null) own["DORY_LATITUDE"] = String(intent.sensor.latitude);
    if (intent.sensor.longitude !== null) own["DORY_LONGITUDE"] = String(intent.sensor.longitude);
  }
  const asked = Object.entries(intent.config.env_vars)
    .filter(([name]) => !(name in own) || name.endsWith("_PATH"))
    .map(([name, value]) => ({ name, value }));
  const named = new Set(asked.map((variable) => variable.name));
  return [
    fromField("POD_NAME", "metadata.name"),
    fromField("POD_NAMESPACE", "metadata.namespace"),
    fromField("POD_IP", "status.podIP"),
    fromField("NODE_NAME", "spec.nodeName"),
    fromSecret("DORY_STATE_TOKEN", "state-token"),
    fromSecret("DORY_RABBITMQ_URL", "rabbitmq-url"),
    ...Object.entries(own)
      .filter(([name]) => !named.has(name))
      .map(([name, value]) => ({ name, value })),
    ...asked,
  ];
}

/** A disruption budget as JSON for the Kubernetes API. */
export interface BudgetManifest {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

export function budgetName(processorId: string): string {
  return `processor-${processorId}`;
}

/**
 * The disruption budget that holds an eviction back until the processor has moved. `minAvailable` as a number, since that is
 * the only form that Kubernetes can evaluate for pods whose controller has no scale sub-resource.
 */
export function disruptionBudget(processorId: string, namespace: string): BudgetManifest {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: {
      name: budgetName(processorId),
      namespace,
      labels: { [POD_LABEL.processorId]: processorId, [POD_LABEL.managedBy]: MANAGED_BY },
    },
    spec: { minAvailable: 1, selector: { matchLabels: { [POD_LABEL.processorId]: processorId } } },
  };
}
