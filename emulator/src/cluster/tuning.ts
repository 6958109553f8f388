/** Times by which the controllers act. The defaults are Kubernetes' own; tests and demonstrations shorten them. */
import { milliseconds, minutes, seconds, type DurationMs } from "@shoal/shared/base/time.ts";

export interface ClusterTuning {
  /** A kubelet renews its Lease this often. */
  readonly leaseRenew: DurationMs;
  /** A Lease that was not renewed for this long makes the host's Ready condition Unknown. */
  readonly nodeGrace: DurationMs;
  /** How often Leases are looked at. */
  readonly nodeMonitor: DurationMs;
  /** Toleration that admission gives to pods that name none for a dead host. */
  readonly defaultToleration: DurationMs;
  /** Pods of a host that no longer exists are removed after this. */
  readonly orphanedPod: DurationMs;
  /** First wait before a container that ended is started again; doubles up to `restartCap`. */
  readonly restartBase: DurationMs;
  readonly restartCap: DurationMs;
  /** A container that ran this long starts its backoff afresh. */
  readonly restartReset: DurationMs;
  /**
   * Until a container was ready for the first time its readiness is asked for this often at first. Kubernetes waits a whole
   * period; a local stack whose processes are up in 0.1 s would spend most of its start in that wait.
   */
  readonly eagerProbe: DurationMs;
}

export const DEFAULT_TUNING: ClusterTuning = {
  leaseRenew: seconds(10),
  nodeGrace: seconds(40),
  nodeMonitor: seconds(5),
  defaultToleration: minutes(5),
  orphanedPod: seconds(40),
  restartBase: seconds(10),
  restartCap: minutes(5),
  restartReset: minutes(10),
  eagerProbe: milliseconds(200),
};
