/**
 * One pod on one host: starts its containers, keeps its status in the API true, and ends it. The API object is the wish; a
 * pod that is told to go is ended, reported ended, and only then removed with grace 0, which nobody but its kubelet may do.
 */
import type { KubernetesClient } from "@shoal/functions/adapters/kubernetes/client.ts";
import { isConflict, isNotFound } from "@shoal/functions/adapters/kubernetes/error.ts";
import { deleteObject, patchObject, PODS } from "@shoal/functions/adapters/kubernetes/resources.ts";
import type { ContainerStatus, PodObject, PodStatus } from "@shoal/functions/adapters/kubernetes/types.ts";
import { messageOf } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { fromIso, milliseconds, seconds, timestamp, type DurationMs, type Timestamp } from "@shoal/shared/base/time.ts";
import { workQueue } from "../work-queue.ts";
import { containerLife, type ContainerInit, type ContainerLife } from "./container.ts";
import type { RunningContainer } from "./driver.ts";
import { graceOf } from "./ending.ts";
import { podStatus, type Ended } from "./status.ts";

export interface PodWorkerInit extends Omit<
  ContainerInit,
  "spec" | "pod" | "address" | "changed" | "past" | "adopted"
> {
  readonly client: KubernetesClient;
  readonly log: Log;
  readonly adopted: readonly RunningContainer[];
  /** The pod has ended for good: its worker can be forgotten. */
  readonly over: () => void;
}

export interface PodWorker {
  /** The API's newest word. */
  update(pod: PodObject): void;
  /** The API has no such pod any more. */
  removed(): Promise<void>;
  /** The kubelet ends. `keep` leaves the processes running for its next life. */
  stop(keep: boolean): Promise<void>;
  pod(): PodObject;
  container(name: string): ContainerLife | undefined;
  address(): string | undefined;
}

/** Changes that come together are written together. */
const SETTLE = milliseconds(15);
const KEY = "status";

interface Work {
  readonly init: PodWorkerInit;
  readonly startedAt: Timestamp;
  readonly containers: Map<string, ContainerLife>;
  pod: PodObject;
  address: string | undefined;
  /** What this kubelet wrote last: the watch may be behind it. */
  written: string;
  ready: boolean;
  ending: "no" | "ending" | "ended" | "gone";
  grace: DurationMs;
  quiet: boolean;
}

export function startPodWorker(init: PodWorkerInit, first: PodObject): PodWorker {
  const startedAt = fromIso(first.status?.startTime ?? "") ?? init.clock.now();
  const work: Work = {
    init,
    startedAt,
    containers: new Map(),
    pod: first,
    address: undefined,
    written: "",
    ready: false,
    ending: "no",
    grace: seconds(30),
    quiet: false,
  };
  const queue = workQueue({
    name: "pod-status",
    log: init.log,
    random: init.client.random,
    handle: async () => writeStatus(work),
  });
  const dirty = (): void => {
    if (!work.quiet) queue.addAfter(KEY, SETTLE);
  };
  const begun = begin(work, dirty).catch((thrown: unknown) => {
    init.log.error({ pod: first.metadata.name, error: messageOf(thrown) }, "a pod cannot be started");
    init.events.warning({ kind: "Pod", object: first }, "FailedCreatePodSandBox", messageOf(thrown));
  });
  const leaveIfTold = (): void => {
    if (work.pod.metadata.deletionTimestamp === undefined) return;
    const grace = graceOf(work.pod);
    if (work.ending === "ending" && grace < work.grace) hurry(work, grace);
    if (work.ending !== "no") return;
    work.ending = "ending";
    work.grace = grace;
    void begun.then(async () => leave(work)).then(async () => queue.stop());
  };
  leaveIfTold();
  return {
    pod: () => work.pod,
    address: () => work.address,
    container: (name) => work.containers.get(name),
    update: (pod) => {
      work.pod = pod;
      leaveIfTold();
      // Others may have called it unready while this host was silent.
      if (work.written !== "" && readyOf(pod.status) !== work.ready) {
        work.written = "";
        dirty();
      }
    },
    removed: async () => {
      if (work.ending === "gone") return;
      work.ending = "gone";
      work.quiet = true;
      await begun;
      // Removed by force: nobody waits for a graceful end any more.
      await stopAll(work, seconds(1));
      await queue.stop();
      await init.driver.forget(first.metadata.uid ?? "");
      init.over();
    },
    stop: async (keep) => {
      work.quiet = true;
      await queue.stop();
      await begun;
      if (keep) for (const container of work.containers.values()) container.abandon();
      else await stopAll(work, seconds(5));
    },
  };
}

async function begin(work: Work, dirty: () => void): Promise<void> {
  const { init, pod } = work;
  const { phase, containerStatuses: statuses = [], podIP } = pod.status ?? {};
  if (phase === "Succeeded" || phase === "Failed") return;
  const ports = pod.spec.containers.flatMap((one) => (one.ports ?? []).map((port) => port.containerPort));
  const adopting = init.adopted.length > 0;
  // Told to go before this kubelet knew it: there is nothing to start.
  if (pod.metadata.deletionTimestamp !== undefined && !adopting) return;
  const address = adopting && podIP !== undefined ? podIP : await init.driver.addressFor(pod.metadata.uid ?? "", ports);
  work.address = address;
  for (const spec of pod.spec.containers) {
    const adopted = init.adopted.find((one) => one.container === spec.name);
    const status = statuses.find((one) => one.name === spec.name);
    const past = pastOf(status, adopted, init.clock.now());
    const { client: _client, log: _log, over: _over, ...rest } = init;
    work.containers.set(
      spec.name,
      containerLife({ ...rest, spec, pod: () => work.pod, address, changed: dirty, past, adopted }),
    );
  }
  dirty();
}

/** What the status in the API says about a container's earlier lives. One that nobody saw end counts as a restart. */
function pastOf(
  status: ContainerStatus | undefined,
  adopted: RunningContainer | undefined,
  now: Timestamp,
): ContainerInit["past"] {
  if (status === undefined) return { restartCount: 0, last: undefined, ready: false };
  const { running, terminated } = status.state;
  const known = status.lastState?.terminated;
  if (adopted !== undefined) {
    return {
      restartCount: adopted.attempt,
      last: known === undefined ? undefined : endedOf(known, now),
      ready: status.ready,
    };
  }
  if (terminated !== undefined) {
    return { restartCount: status.restartCount + 1, last: endedOf(terminated, now), ready: false };
  }
  if (running === undefined) {
    if (known === undefined) return { restartCount: status.restartCount, last: undefined, ready: false };
    return { restartCount: status.restartCount + 1, last: endedOf(known, now), ready: false };
  }
  const unseen = { exitCode: 137, reason: "ContainerStatusUnknown", startedAt: running.startedAt };
  return { restartCount: status.restartCount + 1, last: endedOf(unseen, now), ready: false };
}

function endedOf(
  state: {
    readonly exitCode: number;
    readonly reason?: string;
    readonly startedAt?: string;
    readonly finishedAt?: string;
  },
  now: Timestamp,
): Ended {
  return {
    containerId: "",
    startedAt: fromIso(state.startedAt ?? "") ?? now,
    exit: {
      exitCode: state.exitCode,
      signal: undefined,
      reason: (state.reason ?? "Error") as Ended["exit"]["reason"],
      message: "",
      finishedAt: fromIso(state.finishedAt ?? "") ?? now,
    },
  };
}

/** Told to go a second time, with less time left. */
function hurry(work: Work, grace: DurationMs): void {
  work.grace = grace;
  setTimeout(() => {
    for (const container of work.containers.values()) container.running()?.kill("SIGKILL");
  }, grace);
}

async function stopAll(work: Work, grace: DurationMs): Promise<void> {
  await Promise.all([...work.containers.values()].map(async (container) => container.stop(grace)));
}

/** Ends the pod and confirms its end; repeats until the API has taken it. */
async function leave(work: Work): Promise<void> {
  const { init } = work;
  await stopAll(work, work.grace);
  work.ending = work.ending === "gone" ? "gone" : "ended";
  for (let attempt = 0; work.ending === "ended" && !work.quiet; attempt++) {
    try {
      await writeStatus(work);
      const { uid } = work.pod.metadata;
      await deleteObject(init.client, PODS, work.pod.metadata, { graceSeconds: 0, uid });
      break;
    } catch (thrown) {
      // The name belongs to another pod already: ours is gone.
      if (isConflict(thrown)) break;
      init.log.debug({ pod: work.pod.metadata.name, error: messageOf(thrown) }, "the pod's end is not confirmed yet");
      await init.clock.sleep(milliseconds(Math.min(5_000, 100 * 2 ** attempt)));
    }
  }
}

async function writeStatus(work: Work): Promise<void> {
  const { init, pod } = work;
  if (work.quiet || work.containers.size === 0) return;
  const status = podStatus({
    pod,
    views: [...work.containers.values()].map((container) => container.view()),
    podIp: work.address,
    hostIp: init.hostIp,
    startedAt: work.startedAt,
    now: timestamp(init.clock.now()),
    over: work.ending === "ended",
  });
  const text = fingerprint(status);
  if (text === work.written) return;
  const { name, namespace, uid } = pod.metadata;
  const body = { metadata: { uid }, status };
  try {
    await patchObject(init.client, PODS, { namespace, name }, "merge", body, { subresource: "status" });
  } catch (thrown) {
    if (!isNotFound(thrown) && !isConflict(thrown)) throw thrown;
  }
  work.written = text;
  work.ready = readyOf(status);
}

function readyOf(status: PodStatus | undefined): boolean {
  return (status?.conditions ?? []).some((condition) => condition.type === "Ready" && condition.status === "True");
}

/** Without the conditions of others and times of transition, which are no news of ours. */
function fingerprint(status: PodStatus): string {
  const conditions = (status.conditions ?? []).map(({ type, status: value, reason, message }) => [
    type,
    value,
    reason,
    message,
  ]);
  return JSON.stringify({ ...status, conditions });
}
