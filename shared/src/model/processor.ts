/**
 * A processor: one row, one pod, one activation. The row carries the intent (`generation` grows with every change), what
 * was made of it (`observedGeneration`, conditions) and the stage of the road that the dispatcher has reached. Pods are
 * immutable: a changed intent is a new pod under the next epoch.
 */
import { minutes, seconds, type DurationMs } from "../base/time.ts";

/**
 * Stages in the order a processor travels them. `accept..running` make it true, `stop..gone` unmake it; a replaced pod
 * travels `stop`, `delete` and starts again at `place`.
 */
export const PROCESSOR_STAGES = [
  "accept",
  "place",
  "create",
  "ready",
  "running",
  "stop",
  "delete",
  "gone",
  "failed",
] as const;
export type ProcessorStage = (typeof PROCESSOR_STAGES)[number];

/** What makes a processor leave a stage; the table below says where to. */
export type ProcessorEvent =
  | "accepted" // the effective configuration validates
  | "rejected" // it can never run as asked
  | "placed" // a host (or a provisioned one to come) is set aside
  | "created" // the pod exists under this epoch
  | "became-ready" // the pod answers its readiness probe
  | "changed" // the intent differs from the pod, or a restart was asked for
  | "lost" // the pod vanished, failed or was deleted by somebody else
  | "timed-out" // the stage's deadline passed
  | "stopped" // the pod was told to stop
  | "pod-gone" // the pod is no longer found
  | "delete-requested";

/**
 * Where each event leads from each stage; a missing entry means that the event cannot happen there and is ignored.
 * I10: status moves along these edges only.
 */
export const PROCESSOR_TRANSITIONS: Record<ProcessorStage, Partial<Record<ProcessorEvent, ProcessorStage>>> = {
  accept: { accepted: "place", rejected: "failed", changed: "accept", "delete-requested": "stop" },
  place: { placed: "create", rejected: "failed", changed: "accept", "delete-requested": "stop" },
  create: { created: "ready", changed: "stop", rejected: "failed", "timed-out": "stop", "delete-requested": "stop" },
  ready: { "became-ready": "running", changed: "stop", lost: "stop", "timed-out": "stop", "delete-requested": "stop" },
  running: { changed: "stop", lost: "stop", "delete-requested": "stop" },
  stop: { stopped: "delete", "pod-gone": "delete" },
  delete: { "pod-gone": "accept", "timed-out": "delete", "delete-requested": "delete" },
  gone: {},
  failed: { changed: "stop", "delete-requested": "stop" },
};

/** Stage after `event`; the same stage where the event has no edge. `delete` with a requested deletion ends in `gone`. */
export function nextStage(stage: ProcessorStage, event: ProcessorEvent, deletionRequested: boolean): ProcessorStage {
  if (stage === "delete" && event === "pod-gone" && deletionRequested) return "gone";
  return PROCESSOR_TRANSITIONS[stage][event] ?? stage;
}

/**
 * How long a stage may last before its watchdog acts. `running`, `failed` and `gone` are no transitional states.
 * `ready` is counted from the pod's scheduling; 5 min is the specification's extended wait for a provisioned host.
 */
export const STAGE_DEADLINE: Record<ProcessorStage, DurationMs | undefined> = {
  accept: minutes(1),
  place: minutes(15),
  create: minutes(2),
  ready: minutes(5),
  running: undefined,
  stop: minutes(1),
  delete: minutes(5),
  gone: undefined,
  failed: undefined,
};

/** The one word for lists, derived from the stage; `terminated` and `failed` are the words that Dory's readers filter by. */
export type ProcessorStatus = "pending" | "starting" | "running" | "stopping" | "terminated" | "failed";

export function statusOf(stage: ProcessorStage): ProcessorStatus {
  switch (stage) {
    case "accept":
    case "place":
    case "create":
      return "pending";
    case "ready":
      return "starting";
    case "running":
      return "running";
    case "stop":
    case "delete":
      return "stopping";
    case "gone":
      return "terminated";
    case "failed":
      return "failed";
  }
}

/** Conditions of a processor, in the order in which they become true; the console shows the first that is not. */
export const PROCESSOR_CONDITIONS = ["Accepted", "Placed", "PodCreated", "Ready"] as const;
export type ProcessorConditionType = (typeof PROCESSOR_CONDITIONS)[number];

export type HealthStatus = "unknown" | "starting" | "healthy" | "unhealthy";

export const PROCESSOR_LIMITS = {
  /** A name is a DNS label: it becomes part of pod names. Dots are refused, since a routing key is split by them. */
  namePattern: /^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/,
  nameMaxLength: 40,
  configMaxBytes: 64 * 1024,
  envVarsMax: 200,
  envValueMaxLength: 32 * 1024,
  /** The grace a pod gets after its prestop hook, as the SDK's default shutdown time-out plus the state save. */
  terminationGrace: seconds(30),
} as const;
