/**
 * Probes of one running container. Startup gates the two others; readiness only says; startup and liveness, once they have
 * failed for good, call for a restart.
 */
import type { Container, Probe } from "@shoal/functions/adapters/kubernetes/types.ts";
import { since, type DurationMs, type Timestamp } from "@shoal/shared/base/time.ts";
import type { RunningContainer } from "./driver.ts";
import { runProbe, startProbe, type ProbeLoop } from "./probes.ts";

export interface Watchman {
  started(): boolean;
  ready(): boolean;
  stop(): void;
}

export interface WatchOverInit {
  readonly spec: Container;
  readonly handle: RunningContainer;
  readonly address: string;
  readonly now: Timestamp;
  /** A former kubelet had found it ready: it stays so until a probe says otherwise. */
  readonly wasReady: boolean;
  readonly eager: DurationMs;
  readonly changed: () => void;
  readonly unhealthy: (message: string) => void;
  /** Called once. */
  readonly restart: (message: string) => void;
}

type Kind = "Startup" | "Readiness" | "Liveness";

export function watchOver(init: WatchOverInit): Watchman {
  const { startupProbe, readinessProbe, livenessProbe } = init.spec;
  const loops = new Map<Kind, ProbeLoop>();
  let started = startupProbe === undefined || init.wasReady;
  let ready = init.wasReady || (started && readinessProbe === undefined);
  let stopped = false;
  const stop = (): void => {
    stopped = true;
    for (const loop of loops.values()) loop.stop();
  };
  const setReady = (value: boolean): void => {
    if (stopped || ready === value) return;
    ready = value;
    init.changed();
  };
  const loop = (probe: Probe, kind: Kind, passed: () => void): void => {
    const failed = (message: string, final: boolean): void => {
      if (stopped) return;
      init.unhealthy(`${kind} probe failed: ${message}`);
      if (!final) return;
      if (kind === "Readiness") return setReady(false);
      stop();
      init.restart(`Container ${init.spec.name} failed ${kind.toLowerCase()} probe, will be restarted`);
    };
    loops.set(
      kind,
      startProbe({
        probe,
        ask: async () => runProbe(probe, init.spec, init.address, init.handle),
        runningFor: since(init.now, init.handle.startedAt),
        eager: kind === "Liveness" || init.wasReady ? undefined : init.eager,
        passed,
        failed,
      }),
    );
  };
  const afterStartup = (): void => {
    if (livenessProbe !== undefined) loop(livenessProbe, "Liveness", () => undefined);
    if (readinessProbe !== undefined) loop(readinessProbe, "Readiness", () => setReady(true));
    else setReady(true);
  };
  if (started || startupProbe === undefined) afterStartup();
  else {
    loop(startupProbe, "Startup", () => {
      loops.get("Startup")?.stop();
      if (started || stopped) return;
      started = true;
      init.changed();
      afterStartup();
    });
  }
  return { started: () => started, ready: () => ready && !stopped, stop };
}
