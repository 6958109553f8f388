/**
 * Pods and hosts of one cluster, as the control plane uses them. Each write is idempotent by name: creating what is there
 * with the same labels adopts it, deleting what is gone succeeds. Errors are `ShoalError` with `unavailable` (try again;
 * nothing is known), `rate_limited` (with `retryAfterSeconds`), `permission_denied`, `invalid_argument` (the API refused
 * the object: asking again will not help) or `conflict` (the name is taken by a pod that is not ours, or ours is going). Of
 * logs alone there is `not_found`. What the API or the network said is the cause.
 */
import type { AbortSignalLike } from "./clock.ts";
import type { DurationMs } from "../base/time.ts";

/** What is seen of a pod; everything else about it is ours already. */
export interface ObservedPod {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly processorId: string;
  /** 0, which no row has, where the label is missing or not a number. */
  readonly epoch: number;
  readonly specHash: string;
  readonly phase: "Pending" | "Running" | "Succeeded" | "Failed" | "Unknown";
  readonly ready: boolean;
  /** It was told to go; it may still run. */
  readonly deleting: boolean;
  readonly restarts: number;
  /** First reason that explains why it is not ready, e.g. `Unschedulable`, `ImagePullBackOff`, `OOMKilled`. Empty when it is. */
  readonly reason: string;
  readonly message: string;
  readonly podIp: string | undefined;
  readonly hostName: string | undefined;
}

export interface ObservedHost {
  readonly name: string;
  readonly uid: string;
  readonly ready: boolean;
  readonly readyChangedAt: string | undefined;
  readonly cordoned: boolean;
  readonly zone: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly HostTaint[];
  readonly cpuMilli: number;
  readonly memoryMiB: number;
  readonly pods: number;
  readonly gpu: number;
}

export interface HostTaint {
  readonly key: string;
  readonly value: string;
  readonly effect: "NoSchedule" | "PreferNoSchedule" | "NoExecute";
}

/** What the 30 s pass learns: either everything (`complete`), or what changed since the version it started from. */
export interface Observation<T> {
  readonly complete: boolean;
  readonly changed: readonly T[];
  /** Names (`namespace/name` for pods) that are gone; only in an incomplete observation. */
  readonly gone: readonly string[];
  readonly resourceVersion: string;
}

export interface ObserveOptions {
  /** Start from here; undefined asks for everything. A version too old falls back to everything by itself. */
  readonly since: string | undefined;
  /** Stop as soon as nothing arrived for this long. */
  readonly quiet: DurationMs;
  /** Stop at the latest after this. */
  readonly atMost: DurationMs;
}

export interface Pods {
  observePods(options: ObserveOptions): Promise<Observation<ObservedPod>>;
  observeHosts(options: ObserveOptions): Promise<Observation<ObservedHost>>;
  /** `undefined` only if the API said that it does not exist. */
  get(namespace: string, name: string): Promise<ObservedPod | undefined>;
  /**
   * Uid of the namespace's sentinel, the controller that every pod names; made where it is missing, as is all else that pods
   * need there. Read before each create, since a pod that names a sentinel that no longer exists is collected within seconds;
   * one that was deleted serves as long as it is held.
   */
  sentinelUid(namespace: string): Promise<string>;
  /**
   * Creates the pod, and first its processor's disruption budget where there is none: whichever epoch runs first, it is never
   * without one. A pod of that name with the same processor and epoch is adopted (`created: false`).
   */
  create(pod: PodManifest): Promise<{ readonly created: boolean; readonly pod: ObservedPod }>;
  /** Tells the pod to go, guarded by uid where given; `gone` once the API says that it does not exist. */
  delete(
    namespace: string,
    name: string,
    options: { readonly uid?: string; readonly grace?: DurationMs },
  ): Promise<"deleting" | "gone">;
  /** Removes what accompanied a processor's pods (its disruption budget); idempotent. */
  forget(namespace: string, processorId: string): Promise<void>;
  /**
   * Lines of the pod's log, at most the last 10,000, from before it was asked for; with `follow`, those to come as well.
   * Rejects at once where there is no log; reading throws `unavailable` where it is cut, and ends once `signal` aborts.
   */
  logs(namespace: string, name: string, options: LogOptions): Promise<AsyncIterable<string>>;
}

export interface LogOptions {
  /** From 0 to 10,000; 1,000 where it is left out. */
  readonly tailLines?: number;
  readonly follow: boolean;
  readonly previous?: boolean;
  readonly signal?: AbortSignalLike;
}

/** A pod as JSON for the Kubernetes API, built by `decide/pod-spec`. */
export interface PodManifest {
  readonly name: string;
  readonly namespace: string;
  readonly processorId: string;
  readonly epoch: number;
  readonly specHash: string;
  readonly object: Readonly<Record<string, unknown>>;
}
