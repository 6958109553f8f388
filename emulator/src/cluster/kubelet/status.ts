/** A pod's status from what its containers are. Pure; the words and rules are the kubelet's. */
import type {
  ContainerState,
  ContainerStatus,
  KubernetesCondition,
  PodObject,
  PodPhase,
  PodStatus,
} from "@shoal/functions/adapters/kubernetes/types.ts";
import { toIso, type Timestamp } from "@shoal/shared/base/time.ts";
import { restarts } from "./backoff.ts";
import type { Exit } from "./driver.ts";

export interface Ended {
  readonly exit: Exit;
  readonly startedAt: Timestamp;
  readonly containerId: string;
}

export type ContainerView = {
  readonly name: string;
  readonly image: string;
  readonly imageId: string;
  readonly restartCount: number;
  readonly last: Ended | undefined;
} & (
  | { readonly state: "waiting"; readonly reason: string; readonly message: string }
  | {
      readonly state: "running";
      readonly startedAt: Timestamp;
      readonly containerId: string;
      readonly started: boolean;
      readonly ready: boolean;
    }
  | { readonly state: "ended"; readonly ended: Ended }
);

const second = (at: Timestamp): string => toIso(at).replace(/\.\d+Z$/, "Z");

function terminated({ exit, startedAt }: Ended): NonNullable<ContainerState["terminated"]> {
  return {
    exitCode: exit.exitCode,
    ...(exit.signal === undefined ? {} : { signal: exit.signal }),
    reason: exit.reason,
    ...(exit.message === "" ? {} : { message: exit.message }),
    startedAt: second(startedAt),
    finishedAt: second(exit.finishedAt),
  };
}

function stateOf(view: ContainerView): ContainerState {
  switch (view.state) {
    case "waiting":
      return { waiting: { reason: view.reason, ...(view.message === "" ? {} : { message: view.message }) } };
    case "running":
      return { running: { startedAt: second(view.startedAt) } };
    case "ended":
      return { terminated: terminated(view.ended) };
  }
}

export function containerStatus(view: ContainerView): ContainerStatus {
  const id =
    view.state === "running"
      ? view.containerId
      : view.state === "ended"
        ? view.ended.containerId
        : view.last?.containerId;
  return {
    name: view.name,
    image: view.image,
    imageID: view.imageId,
    ...(id === undefined ? {} : { containerID: id }),
    ready: view.state === "running" && view.ready,
    started: view.state === "running" && view.started,
    restartCount: view.restartCount,
    state: stateOf(view),
    lastState: view.last === undefined ? {} : { terminated: terminated(view.last) },
  };
}

/** Pending until every container has run once; over once none will run again. */
export function phaseOf(views: readonly ContainerView[], policy: PodObject["spec"]["restartPolicy"]): PodPhase {
  const ended = views.flatMap((view) => (view.state === "ended" ? [view.ended.exit] : []));
  if (views.length > 0 && ended.length === views.length && ended.every((exit) => !restarts(policy, exit))) {
    return ended.every((exit) => exit.exitCode === 0) ? "Succeeded" : "Failed";
  }
  return views.some((view) => view.state === "waiting" && view.last === undefined && view.restartCount === 0)
    ? "Pending"
    : "Running";
}

export interface StatusFacts {
  readonly pod: PodObject;
  readonly views: readonly ContainerView[];
  readonly podIp: string | undefined;
  readonly hostIp: string;
  readonly startedAt: Timestamp;
  readonly now: Timestamp;
  /** The pod was told to go and its containers have ended: it will not run again whatever its policy says. */
  readonly over?: boolean;
}

export function podStatus(facts: StatusFacts): PodStatus {
  const { pod, views } = facts;
  const phase = facts.over === true ? overPhase(views) : phaseOf(views, pod.spec.restartPolicy);
  const unready = views.filter((view) => view.state !== "running" || !view.ready).map((view) => view.name);
  const finished = phase === "Succeeded" || phase === "Failed";
  const reason = finished ? (phase === "Succeeded" ? "PodCompleted" : "PodFailed") : "ContainersNotReady";
  const ready: Omit<KubernetesCondition, "type"> =
    unready.length === 0
      ? { status: "True" }
      : {
          status: "False",
          reason,
          ...(finished ? {} : { message: `containers with unready status: [${unready.join(" ")}]` }),
        };
  const wanted: readonly KubernetesCondition[] = [
    { type: "PodScheduled", status: "True" },
    { type: "Initialized", status: "True", ...(phase === "Succeeded" ? { reason: "PodCompleted" } : {}) },
    { type: "ContainersReady", ...ready },
    { type: "Ready", ...ready },
  ];
  return {
    phase,
    hostIP: facts.hostIp,
    ...(facts.podIp === undefined ? {} : { podIP: facts.podIp, podIPs: [{ ip: facts.podIp }] }),
    startTime: second(facts.startedAt),
    qosClass: qosOf(pod),
    conditions: mergeConditions(pod.status?.conditions ?? [], wanted, facts.now),
    containerStatuses: views.map(containerStatus),
  };
}

function overPhase(views: readonly ContainerView[]): PodPhase {
  return views.every((view) => view.state === "ended" && view.ended.exit.exitCode === 0) ? "Succeeded" : "Failed";
}

/** Conditions of others stay; ours keep their transition time while their status stays. */
export function mergeConditions(
  known: readonly KubernetesCondition[],
  wanted: readonly KubernetesCondition[],
  now: Timestamp,
): readonly KubernetesCondition[] {
  const ours = wanted.map((condition) => {
    const before = known.find((one) => one.type === condition.type);
    const since = before?.status === condition.status ? before.lastTransitionTime : undefined;
    return { ...condition, lastTransitionTime: since ?? second(now) };
  });
  return [...known.filter((one) => !wanted.some((condition) => condition.type === one.type)), ...ours];
}

function qosOf(pod: PodObject): string {
  const all = pod.spec.containers.map((container) => container.resources ?? {});
  if (all.every(({ requests, limits }) => isEmpty(requests) && isEmpty(limits))) return "BestEffort";
  const guaranteed = all.every(({ requests, limits }) =>
    ["cpu", "memory"].every(
      (name) => limits?.[name] !== undefined && (requests?.[name] ?? limits[name]) === limits[name],
    ),
  );
  return guaranteed ? "Guaranteed" : "Burstable";
}

function isEmpty(map: Readonly<Record<string, string>> | undefined): boolean {
  return map === undefined || Object.keys(map).length === 0;
}
