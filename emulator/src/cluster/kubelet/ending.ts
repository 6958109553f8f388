/** How a container is ended: preStop, SIGTERM, and SIGKILL once its grace is over. */
import type { Container, PodObject } from "@shoal/functions/adapters/kubernetes/types.ts";
import { seconds, type DurationMs } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { RunningContainer } from "./driver.ts";
import { httpGet, runProbe } from "./probes.ts";

/** After SIGTERM a container gets at least this long, as with the real kubelet. */
const LEAST_GRACE = seconds(2);

export interface EndInit {
  readonly spec: Container;
  readonly address: string;
  readonly clock: Clock;
  readonly hookFailed: (message: string) => void;
}

/** Resolves when the container has ended. The preStop hook's time counts against the grace; no grace means SIGKILL. */
export async function endContainer(init: EndInit, handle: RunningContainer, grace: DurationMs): Promise<void> {
  const ended = handle.exited.then(() => undefined);
  const deadline = init.clock.monotonic() + grace;
  const hook = init.spec.lifecycle?.preStop;
  if (hook !== undefined && grace > 0) {
    const run =
      hook.httpGet === undefined
        ? runProbe({ ...hook, timeoutSeconds: grace / 1000 }, init.spec, init.address, handle)
        : httpGet(hook.httpGet, init.spec, init.address, grace);
    const result = await Promise.race([ended, run]);
    if (result?.ok === false) init.hookFailed(`PreStopHook failed: ${result.message}`);
  }
  handle.kill(grace > 0 ? "SIGTERM" : "SIGKILL");
  const timer = setTimeout(() => handle.kill("SIGKILL"), Math.max(LEAST_GRACE, deadline - init.clock.monotonic()));
  await ended;
  clearTimeout(timer);
}

/** How long the pod's containers have to end: what the delete said, else what the pod says. */
export function graceOf(pod: PodObject): DurationMs {
  return seconds(pod.metadata.deletionGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 30);
}
