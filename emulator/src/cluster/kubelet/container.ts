/**
 * One container's lives, one after the other: pull, configure, start, watch over, wait, again. `live` reads from top to
 * bottom; everything else answers questions about it or ends it. The driver runs the processes; the pod worker writes the
 * status that `view()` stands for.
 */
import type { Container, PodObject } from "@shoal/functions/adapters/kubernetes/types.ts";
import { messageOf } from "@shoal/shared/base/errors.ts";
import { memoryMiB } from "@shoal/shared/base/quantity.ts";
import { milliseconds, type DurationMs } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { EventRecorder } from "../events.ts";
import type { ClusterTuning } from "../tuning.ts";
import { pullDelay, restartDelay, restarts } from "./backoff.ts";
import type { ImageStore, PodDriver, ResolvedImage, RunningContainer } from "./driver.ts";
import { endContainer, graceOf } from "./ending.ts";
import { commandOf, ConfigError, environmentOf, type Lookups } from "./environment.ts";
import type { ContainerView, Ended } from "./status.ts";
import { watchOver, type Watchman } from "./watch-over.ts";

export interface ContainerInit {
  readonly spec: Container;
  /** The pod as it is known now. */
  readonly pod: () => PodObject;
  readonly address: string;
  readonly hostIp: string;
  readonly driver: PodDriver;
  readonly images: ImageStore;
  readonly lookups: Lookups;
  readonly events: EventRecorder;
  readonly tuning: ClusterTuning;
  readonly clock: Clock;
  /** Something that `view()` tells has changed. */
  readonly changed: () => void;
  /** What earlier runs of this kubelet wrote: restarts so far, and how the last life ended. */
  readonly past: { readonly restartCount: number; readonly last: Ended | undefined; readonly ready: boolean };
  /** A process of a former kubelet that still runs. */
  readonly adopted: RunningContainer | undefined;
}

export interface ContainerLife {
  readonly spec: Container;
  view(): ContainerView;
  running(): RunningContainer | undefined;
  /** Ends it with this grace. Resolves when it has ended and will not start again. */
  stop(grace: DurationMs): Promise<void>;
  /** Forgets the container without touching its process. */
  abandon(): void;
}

type State =
  | { readonly state: "waiting"; readonly reason: string; readonly message: string }
  | { readonly state: "running"; readonly handle: RunningContainer; readonly watchman: Watchman }
  | { readonly state: "ended"; readonly ended: Ended };

interface Life {
  readonly init: ContainerInit;
  readonly halt: AbortController;
  state: State;
  restartCount: number;
  last: Ended | undefined;
  imageId: string;
}

export function containerLife(init: ContainerInit): ContainerLife {
  const { restartCount, last } = init.past;
  const life: Life = {
    init,
    halt: new AbortController(),
    state: { state: "waiting", reason: "ContainerCreating", message: "" },
    restartCount,
    last,
    imageId: "",
  };
  const over = live(life);
  return {
    spec: init.spec,
    running: () => (life.state.state === "running" ? life.state.handle : undefined),
    view: () => viewOf(life),
    abandon: () => {
      life.halt.abort();
      if (life.state.state === "running") life.state.watchman.stop();
    },
    stop: async (grace) => {
      const { state } = life;
      const first = !life.halt.signal.aborted;
      life.halt.abort();
      if (state.state === "running") {
        state.watchman.stop();
        if (first) init.events.normal(about(life), "Killing", `Stopping container ${init.spec.name}`);
        await end(life, state.handle, grace);
      }
      await over;
    },
  };
}

async function live(life: Life): Promise<void> {
  const { init, halt } = life;
  let crashes = 0;
  for (let adopted = init.adopted; !halt.signal.aborted; adopted = undefined) {
    const image = await (adopted === undefined ? pull(life) : init.images.resolve(init.spec.image));
    life.imageId = image?.id ?? life.imageId;
    const begun = adopted ?? (image === undefined ? undefined : await start(life, image));
    if (begun === undefined) continue;
    const ended = "exited" in begun ? await liveOnce(life, begun, adopted !== undefined && init.past.ready) : begun;
    become(life, { state: "ended", ended });
    if (halt.signal.aborted || !restarts(init.pod().spec.restartPolicy, ended.exit)) return;
    crashes = ended.exit.finishedAt - ended.startedAt >= init.tuning.restartReset ? 1 : crashes + 1;
    life.last = ended;
    const delay = restartDelay(crashes, init.tuning);
    if (delay > 0) await backOff(life, delay);
    if (!halt.signal.aborted) life.restartCount++;
  }
}

async function liveOnce(life: Life, handle: RunningContainer, wasReady: boolean): Promise<Ended> {
  const { init } = life;
  const watchman = watchOver({
    spec: init.spec,
    handle,
    address: init.address,
    now: init.clock.now(),
    wasReady,
    eager: init.tuning.eagerProbe,
    changed: init.changed,
    unhealthy: (message) => init.events.warning(about(life), "Unhealthy", message),
    restart: (message) => {
      init.events.normal(about(life), "Killing", message);
      void end(life, handle, graceOf(init.pod()));
    },
  });
  become(life, { state: "running", handle, watchman });
  // Told to go while it was being started.
  if (life.halt.signal.aborted) void end(life, handle, milliseconds(0));
  const exit = await handle.exited;
  watchman.stop();
  return { exit, startedAt: handle.startedAt, containerId: handle.id };
}

/** Tries until the image is there; undefined only where the container was told to stop. */
async function pull(life: Life): Promise<ResolvedImage | undefined> {
  const { spec, images, events, tuning } = life.init;
  for (let failures = 1; !life.halt.signal.aborted; failures++) {
    const image = await images.resolve(spec.image);
    if (image !== undefined) {
      events.normal(about(life), "Pulled", `Container image "${spec.image}" already present on machine`);
      return image;
    }
    const message = `failed to pull and unpack image "${spec.image}": not found`;
    events.normal(about(life), "Pulling", `Pulling image "${spec.image}"`);
    events.warning(about(life), "Failed", `Failed to pull image "${spec.image}": ${message}`);
    await wait(life, "ErrImagePull", message, milliseconds(Math.min(1_000, tuning.restartBase)));
    const backOff = `Back-off pulling image "${spec.image}"`;
    events.normal(about(life), "BackOff", backOff);
    await wait(life, "ImagePullBackOff", backOff, pullDelay(failures, tuning));
  }
  return undefined;
}

/** A handle, or how the attempt ended, or undefined where it is to be tried again (or the container was told to stop). */
async function start(life: Life, image: ResolvedImage): Promise<RunningContainer | Ended | undefined> {
  const { spec, driver, events, clock, address, hostIp, lookups, tuning } = life.init;
  const pod = life.init.pod();
  const begun = clock.now();
  try {
    const env = await environmentOf(spec, { pod, podIp: address, hostIp }, lookups);
    const limit = spec.resources?.limits?.["memory"];
    if (life.halt.signal.aborted) return undefined;
    const handle = await driver.start({
      podUid: pod.metadata.uid ?? "",
      container: spec.name,
      attempt: life.restartCount,
      command: commandOf(spec, image, { ...image.env, ...env }),
      cwd: spec.workingDir ?? image.cwd,
      env: { HOSTNAME: pod.metadata.name, POD_IP: address, ...image.env, ...env },
      memoryLimitMiB: limit === undefined ? undefined : memoryMiB(limit),
    });
    events.normal(about(life), "Created", `Created container: ${spec.name}`);
    events.normal(about(life), "Started", `Started container ${spec.name}`);
    return handle;
  } catch (thrown) {
    const message = messageOf(thrown);
    events.warning(about(life), "Failed", `Error: ${message}`);
    if (thrown instanceof ConfigError) {
      await wait(life, "CreateContainerConfigError", message, milliseconds(Math.min(5_000, tuning.restartBase)));
      return undefined;
    }
    const exit = { exitCode: 128, signal: undefined, reason: "StartError", message, finishedAt: clock.now() } as const;
    return { exit, startedAt: begun, containerId: "" };
  }
}

async function backOff(life: Life, delay: DurationMs): Promise<void> {
  const { name, namespace, uid } = life.init.pod().metadata;
  const which = `container ${life.init.spec.name} in pod ${name}_${namespace}(${uid})`;
  life.init.events.warning(about(life), "BackOff", `Back-off restarting failed ${which}`);
  const message = `back-off ${Math.round(delay / 1000)}s restarting failed ${which}`;
  await wait(life, "CrashLoopBackOff", message, delay);
}

async function wait(life: Life, reason: string, message: string, span: DurationMs): Promise<void> {
  if (life.halt.signal.aborted) return;
  become(life, { state: "waiting", reason, message });
  await life.init.clock.sleep(span, life.halt.signal).catch(() => undefined);
}

async function end(life: Life, handle: RunningContainer, grace: DurationMs): Promise<void> {
  const { spec, address, clock, events } = life.init;
  const hookFailed = (message: string): void => events.warning(about(life), "FailedPreStopHook", message);
  await endContainer({ spec, address, clock, hookFailed }, handle, grace);
}

function become(life: Life, next: State): void {
  life.state = next;
  life.init.changed();
}

function about(life: Life): { readonly kind: string; readonly object: PodObject; readonly fieldPath: string } {
  return { kind: "Pod", object: life.init.pod(), fieldPath: `spec.containers{${life.init.spec.name}}` };
}

function viewOf({ init, state, imageId, restartCount, last }: Life): ContainerView {
  const base = { name: init.spec.name, image: init.spec.image, imageId, restartCount, last };
  switch (state.state) {
    case "waiting":
      return { ...base, ...state };
    case "running": {
      const { handle, watchman } = state;
      const { startedAt, id: containerId } = handle;
      return {
        ...base,
        state: "running",
        startedAt,
        containerId,
        started: watchman.started(),
        ready: watchman.ready(),
      };
    }
    case "ended":
      // `last` is the life before this one; while it is the same, the state says it already.
      return { ...base, last: last === state.ended ? undefined : last, state: "ended", ended: state.ended };
  }
}
