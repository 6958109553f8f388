/**
 * Tells pods to go whose host has NoExecute taints that they do not tolerate (any more), and removes the pods of hosts that
 * no longer exist, whose kubelet can never confirm their end.
 */
import type { KubernetesClient } from "@shoal/functions/adapters/kubernetes/client.ts";
import { deleteObject, findObject, keyOf, NODES, PODS } from "@shoal/functions/adapters/kubernetes/resources.ts";
import type { PodObject } from "@shoal/functions/adapters/kubernetes/types.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { fromIso, milliseconds, seconds } from "@shoal/shared/base/time.ts";
import { eventRecorder } from "./events.ts";
import type { Controller } from "./scheduler/scheduler.ts";
import { secondsTolerated } from "./taints.ts";
import type { ClusterTuning } from "./tuning.ts";
import type { Views } from "./views.ts";
import { workQueue } from "./work-queue.ts";

export function startTaintEviction(init: {
  readonly client: KubernetesClient;
  readonly views: Views;
  readonly log: Log;
  readonly tuning: ClusterTuning;
}): Controller {
  const { client, views, log, tuning } = init;
  const events = eventRecorder(client, "taint-eviction-controller");
  const evictions = workQueue({
    name: "taint-eviction",
    log,
    random: client.random,
    handle: async (key) => {
      const pod = views.pods.store.get(key);
      const wait = pod === undefined ? undefined : untilEvicted(pod, views, tuning, client.clock.now());
      if (pod === undefined || wait === undefined) return;
      if (wait > 0) return evictions.addAfter(key, milliseconds(wait));
      log.info({ pod: key, host: pod.spec.nodeName }, "evicted from a tainted host");
      events.normal({ kind: "Pod", object: pod }, "TaintManagerEviction", `Marking for deletion Pod ${key}`);
      await deleteObject(client, PODS, pod.metadata, { uid: pod.metadata.uid });
    },
  });
  const orphans = workQueue({
    name: "orphaned-pods",
    log,
    random: client.random,
    handle: async (key) => {
      const pod = views.pods.store.get(key);
      if (pod?.spec.nodeName === undefined || views.nodes.store.has(pod.spec.nodeName)) return;
      // Asked live: a watch that lags must not remove the pods of a host that has just come.
      if ((await findObject(client, NODES, { name: pod.spec.nodeName })) !== undefined) return;
      log.info({ pod: key, host: pod.spec.nodeName }, "removed: its host does not exist");
      await deleteObject(client, PODS, pod.metadata, { uid: pod.metadata.uid, graceSeconds: 0 });
    },
  });
  const consider = (pod: PodObject): void => {
    if (pod.spec.nodeName === undefined) return;
    const node = views.nodes.store.get(pod.spec.nodeName);
    if (node === undefined) orphans.addAfter(keyOf(pod), tuning.orphanedPod);
    else if (node.spec?.taints?.some((taint) => taint.effect === "NoExecute") === true) evictions.add(keyOf(pod));
  };
  const considerPodsOf = (host: string): void => {
    for (const pod of views.pods.store.values()) if (pod.spec.nodeName === host) consider(pod);
  };
  const leave = [
    views.pods.listen({ changed: (pod) => consider(pod), deleted: () => undefined }),
    views.nodes.listen({
      changed: (node) => {
        if (node.spec?.taints?.some((taint) => taint.effect === "NoExecute") === true)
          considerPodsOf(node.metadata.name);
      },
      deleted: (node) => considerPodsOf(node.metadata.name),
    }),
  ];
  return {
    stop: async () => {
      for (const stop of leave) stop();
      await Promise.all([evictions.stop(), orphans.stop()]);
    },
  };
}

/** Milliseconds until the pod has to go (<= 0: now); undefined where it may stay. */
function untilEvicted(pod: PodObject, views: Views, tuning: ClusterTuning, now: number): number | undefined {
  if (pod.metadata.deletionTimestamp !== undefined || pod.spec.nodeName === undefined) return undefined;
  const taints = (views.nodes.store.get(pod.spec.nodeName)?.spec?.taints ?? []).filter(
    (taint) => taint.effect === "NoExecute",
  );
  if (taints.length === 0) return undefined;
  const tolerated = secondsTolerated(pod.spec.tolerations ?? [], taints, tuning.defaultToleration / 1000);
  if (tolerated === Number.POSITIVE_INFINITY) return undefined;
  const since = Math.min(...taints.map((taint) => fromIso(taint.timeAdded ?? "") ?? now));
  return since + seconds(tolerated) - now;
}
