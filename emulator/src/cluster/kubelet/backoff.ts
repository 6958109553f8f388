/** How long a kubelet waits before it does something again that failed. Pure. */
import type { Container, PodSpec } from "@shoal/functions/adapters/kubernetes/types.ts";
import { milliseconds, type DurationMs } from "@shoal/shared/base/time.ts";
import type { ClusterTuning } from "../tuning.ts";
import type { Exit } from "./driver.ts";

/** The first restart is at once; from the second on the wait doubles. `crashes` counts the ends since the last long run. */
export function restartDelay(crashes: number, tuning: ClusterTuning): DurationMs {
  if (crashes <= 1) return milliseconds(0);
  return milliseconds(Math.min(tuning.restartCap, tuning.restartBase * 2 ** Math.min(crashes - 2, 30)));
}

export function pullDelay(failures: number, tuning: ClusterTuning): DurationMs {
  return milliseconds(Math.min(tuning.restartCap, tuning.restartBase * 2 ** Math.min(failures - 1, 30)));
}

export function restarts(policy: PodSpec["restartPolicy"], exit: Exit): boolean {
  if (policy === "Never") return false;
  return policy !== "OnFailure" || exit.exitCode !== 0;
}

/** Number of a port that is given by number or by the name of one of the container's ports. */
export function portOf(port: number | string, container: Container): number | undefined {
  if (typeof port === "number") return port;
  const named = container.ports?.find((one) => one.name === port)?.containerPort;
  const number = Number(port);
  return named ?? (Number.isInteger(number) ? number : undefined);
}
