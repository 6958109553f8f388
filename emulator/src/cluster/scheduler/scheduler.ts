/**
 * Gives each pod without a host one: chooses by `choose.ts` and posts a Binding. One pod at a time, so that two pods never
 * take the same room; what was bound counts before the watch confirms it. A pod that fits nowhere is told so once, and is
 * tried again when something changes that could make room.
 */
import type { KubernetesClient } from "@shoal/functions/adapters/kubernetes/client.ts";
import { isConflict, isNotFound } from "@shoal/functions/adapters/kubernetes/error.ts";
import { keyOf, objectPath, patchObject, PODS } from "@shoal/functions/adapters/kubernetes/resources.ts";
import type { KubernetesCondition, NodeObject, PodObject } from "@shoal/functions/adapters/kubernetes/types.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { minutes, toIso } from "@shoal/shared/base/time.ts";
import { eventRecorder } from "../events.ts";
import type { Views } from "../views.ts";
import { workQueue } from "../work-queue.ts";
import { chooseHost } from "./choose.ts";
import type { Candidate } from "./filter.ts";

export interface Controller {
  stop(): Promise<void>;
}

const NAME = "default-scheduler";

export function startScheduler(init: {
  readonly client: KubernetesClient;
  readonly views: Views;
  readonly log: Log;
}): Controller {
  const { client, views } = init;
  const events = eventRecorder(client, NAME);
  /** Uid of a pod that was bound -> host, until the watch says so too. */
  const assumed = new Map<string, string>();
  const unschedulable = new Set<string>();

  const schedule = async (key: string): Promise<void> => {
    const pod = views.pods.store.get(key);
    if (pod === undefined || !isWaiting(pod) || assumed.has(pod.metadata.uid ?? "")) return;
    const about = { kind: "Pod", object: pod };
    const choice = chooseHost(pod, candidates(views, assumed));
    if (choice.outcome === "unschedulable") {
      unschedulable.add(key);
      // Something may have changed unseen; kube-scheduler also empties its waiting room every five minutes.
      queue.addAfter(key, minutes(5));
      if (await markUnschedulable(client, pod, choice.message)) {
        events.warning(about, "FailedScheduling", choice.message);
      }
      return;
    }
    assumed.set(pod.metadata.uid ?? "", choice.nodeName);
    try {
      await bind(client, pod, choice.nodeName);
    } catch (thrown) {
      assumed.delete(pod.metadata.uid ?? "");
      // Gone, or bound by somebody else: the watch tells.
      if (isNotFound(thrown) || isConflict(thrown)) return;
      throw thrown;
    }
    unschedulable.delete(key);
    events.normal(about, "Scheduled", `Successfully assigned ${key} to ${choice.nodeName}`);
  };
  const queue = workQueue({ name: "scheduler", handle: schedule, log: init.log, random: client.random, parallel: 1 });
  const roomChanged = (): void => {
    for (const key of unschedulable) queue.add(key);
    unschedulable.clear();
  };
  const leave = [
    views.pods.listen({
      changed: (pod, before) => {
        if (pod.spec.nodeName !== undefined) assumed.delete(pod.metadata.uid ?? "");
        if (before === undefined && isWaiting(pod)) queue.add(keyOf(pod));
        if (isOver(pod) && before !== undefined && !isOver(before)) roomChanged();
      },
      deleted: (pod) => {
        assumed.delete(pod.metadata.uid ?? "");
        unschedulable.delete(keyOf(pod));
        roomChanged();
      },
    }),
    views.nodes.listen({
      changed: (node, before) => {
        if (before === undefined || roomOf(node) !== roomOf(before)) roomChanged();
      },
      deleted: () => undefined,
    }),
  ];
  return {
    stop: async () => {
      for (const stop of leave) stop();
      await queue.stop();
    },
  };
}

function isWaiting(pod: PodObject): boolean {
  const scheduler = pod.spec.schedulerName ?? NAME;
  return (
    pod.spec.nodeName === undefined &&
    pod.metadata.deletionTimestamp === undefined &&
    scheduler === NAME &&
    !isOver(pod)
  );
}

function isOver(pod: PodObject): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

/** What of a host decides whether a pod fits; heartbeats do not. */
function roomOf(node: NodeObject): string {
  return JSON.stringify([node.metadata.labels, node.spec, node.status?.allocatable]);
}

function candidates(views: Views, assumed: ReadonlyMap<string, string>): readonly Candidate[] {
  const byHost = new Map<string, PodObject[]>();
  for (const pod of views.pods.store.values()) {
    const host = pod.spec.nodeName ?? assumed.get(pod.metadata.uid ?? "");
    if (host === undefined || isOver(pod)) continue;
    const pods = byHost.get(host);
    if (pods === undefined) byHost.set(host, [pod]);
    else pods.push(pod);
  }
  return [...views.nodes.store.values()].map((node) => ({ node, pods: byHost.get(node.metadata.name) ?? [] }));
}

async function bind(client: KubernetesClient, pod: PodObject, nodeName: string): Promise<void> {
  const { name, namespace, uid } = pod.metadata;
  await client.request("POST", objectPath(PODS, { namespace, name }, "binding"), {
    body: {
      apiVersion: "v1",
      kind: "Binding",
      metadata: { name, namespace, uid },
      target: { apiVersion: "v1", kind: "Node", name: nodeName },
    },
  });
}

/** Returns whether this was news: an unchanged condition is neither written nor announced again. */
async function markUnschedulable(client: KubernetesClient, pod: PodObject, message: string): Promise<boolean> {
  const known = (pod.status?.conditions ?? []).find((condition) => condition.type === "PodScheduled");
  if (known?.status === "False" && known.message === message) return false;
  const condition: KubernetesCondition = {
    type: "PodScheduled",
    status: "False",
    reason: "Unschedulable",
    message,
    lastTransitionTime: known?.status === "False" ? (known.lastTransitionTime ?? "") : toIso(client.clock.now()),
  };
  const { name, namespace, uid } = pod.metadata;
  const others = (pod.status?.conditions ?? []).filter((one) => one.type !== "PodScheduled");
  try {
    await patchObject(
      client,
      PODS,
      { namespace, name },
      "merge",
      { metadata: { uid }, status: { conditions: [...others, condition] } },
      { subresource: "status" },
    );
  } catch (thrown) {
    if (!isNotFound(thrown) && !isConflict(thrown)) throw thrown;
  }
  return true;
}
