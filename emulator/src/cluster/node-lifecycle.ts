/**
 * Watches over hosts: a Lease that is not renewed makes the host Unknown, taints it and makes its pods unready
 * (`taint-eviction.ts` then tells them to go). What it means is decided in `node-health.ts`; this file looks and writes. Silence is measured by our own monotonic clock from when a
 * Lease was seen to change, so that a host's wrong clock kills nobody.
 */
import type { KubernetesClient } from "@shoal/functions/adapters/kubernetes/client.ts";
import { isConflict, isNotFound } from "@shoal/functions/adapters/kubernetes/error.ts";
import { NODES, patchObject, PODS } from "@shoal/functions/adapters/kubernetes/resources.ts";
import type { NodeObject, PodObject } from "@shoal/functions/adapters/kubernetes/types.ts";
import { messageOf } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { milliseconds, toIso } from "@shoal/shared/base/time.ts";
import { eventRecorder } from "./events.ts";
import { healthOf, isDisrupted, silentConditions, taintsFor, type Health } from "./node-health.ts";
import type { Controller } from "./scheduler/scheduler.ts";
import type { ClusterTuning } from "./tuning.ts";
import { NODE_LEASES, type Views } from "./views.ts";

export function startNodeLifecycle(init: {
  readonly client: KubernetesClient;
  readonly views: Views;
  readonly log: Log;
  readonly tuning: ClusterTuning;
}): Controller {
  const { client, views, log, tuning } = init;
  const events = eventRecorder(client, "node-controller");
  const controller = new AbortController();
  /** Host -> when its Lease was last seen to change, by our monotonic clock. */
  const heard = new Map<string, { readonly renewTime: string; readonly at: number }>();

  const podsOf = (host: string): readonly PodObject[] =>
    [...views.pods.store.values()].filter((pod) => pod.spec.nodeName === host);

  const monitor = async (): Promise<void> => {
    const healths = judge(views, heard, client.clock.monotonic(), tuning.nodeGrace);
    const disrupted = isDisrupted([...healths.values()]);
    for (const [name, health] of healths) {
      const node = views.nodes.store.get(name);
      if (node === undefined) continue;
      const unready = await markSilent(client, node, health);
      if (unready)
        events.normal({ kind: "Node", object: node }, "NodeNotReady", `Node ${name} status is now: NodeNotReady`);
      if (health !== "ready") await markPodsUnready(client, podsOf(name));
      await writeTaints(client, node, health, disrupted);
    }
  };
  const loop = runMonitor(monitor, { client, log, span: tuning.nodeMonitor, signal: controller.signal, views });
  const leave = views.nodes.listen({
    changed: (node) => {
      if (needsTaint(node)) loop.wake();
    },
    deleted: (node) => void heard.delete(node.metadata.name),
  });
  return {
    stop: async () => {
      leave();
      controller.abort();
      await loop.ended;
    },
  };
}

/** A cordon or a Ready that changed shows in the taints at once, not at the next look. */
function needsTaint(node: NodeObject): boolean {
  const ready = (node.status?.conditions ?? []).find((condition) => condition.type === "Ready")?.status;
  const health: Health = ready === "True" ? "ready" : ready === "Unknown" ? "unreachable" : "not-ready";
  return taintsFor(node, health, false, "") !== undefined;
}

function judge(
  views: Views,
  heard: Map<string, { readonly renewTime: string; readonly at: number }>,
  now: number,
  graceMs: number,
): ReadonlyMap<string, Health> {
  const healths = new Map<string, Health>();
  for (const node of views.nodes.store.values()) {
    const { name } = node.metadata;
    const renewTime = views.leases.store.get(`${NODE_LEASES}/${name}`)?.spec?.renewTime ?? "";
    const known = heard.get(name);
    if (known === undefined || known.renewTime !== renewTime) heard.set(name, { renewTime, at: now });
    healths.set(name, healthOf(node, now - (heard.get(name)?.at ?? now), graceMs));
  }
  return healths;
}

interface Loop {
  readonly ended: Promise<void>;
  wake(): void;
}

function runMonitor(
  monitor: () => Promise<void>,
  options: {
    readonly client: KubernetesClient;
    readonly log: Log;
    readonly span: ClusterTuning["nodeMonitor"];
    readonly signal: AbortSignal;
    readonly views: Views;
  },
): Loop {
  let wake = (): void => undefined;
  let again = false;
  const ended = (async () => {
    await Promise.race([
      Promise.all([options.views.nodes.synced, options.views.leases.synced, options.views.pods.synced]),
      new Promise((resolve) => options.signal.addEventListener("abort", resolve, { once: true })),
    ]);
    while (!options.signal.aborted) {
      again = false;
      await monitor().catch((thrown: unknown) => {
        options.log.warn({ error: messageOf(thrown) }, "hosts could not be looked after");
      });
      if (again) {
        // A write that keeps failing must not become a tight loop.
        await options.client.clock.sleep(milliseconds(50), options.signal).catch(() => {});
        continue;
      }
      const interrupt = new AbortController();
      wake = () => interrupt.abort();
      const signal = AbortSignal.any([interrupt.signal, options.signal]);
      await options.client.clock.sleep(options.span, signal).catch(() => {});
    }
  })();
  return {
    ended,
    wake: () => {
      again = true;
      wake();
    },
  };
}

async function markSilent(client: KubernetesClient, node: NodeObject, health: Health): Promise<boolean> {
  if (health !== "unreachable") return false;
  const known = node.status?.conditions ?? [];
  if (known.every((condition) => condition.status === "Unknown")) return false;
  const conditions = silentConditions(node, toIso(client.clock.now()));
  await patchObject(
    client,
    NODES,
    { name: node.metadata.name },
    "merge",
    { metadata: { resourceVersion: node.metadata.resourceVersion }, status: { conditions } },
    { subresource: "status" },
  ).catch(tolerateRace);
  return true;
}

async function markPodsUnready(client: KubernetesClient, pods: readonly PodObject[]): Promise<void> {
  for (const pod of pods) {
    const conditions = pod.status?.conditions ?? [];
    if (!conditions.some((condition) => condition.type === "Ready" && condition.status === "True")) continue;
    const now = toIso(client.clock.now());
    await patchObject(
      client,
      PODS,
      pod.metadata,
      "merge",
      {
        metadata: { uid: pod.metadata.uid },
        status: {
          conditions: conditions.map((condition) =>
            condition.type === "Ready" ? { ...condition, status: "False", lastTransitionTime: now } : condition,
          ),
        },
      },
      { subresource: "status" },
    ).catch(tolerateRace);
  }
}

async function writeTaints(
  client: KubernetesClient,
  node: NodeObject,
  health: Health,
  disrupted: boolean,
): Promise<void> {
  const now = toIso(client.clock.now()).replace(/\.\d+Z$/, "Z");
  const taints = taintsFor(node, health, disrupted, now);
  if (taints === undefined) return;
  await patchObject(client, NODES, { name: node.metadata.name }, "merge", {
    metadata: { resourceVersion: node.metadata.resourceVersion },
    spec: { taints },
  }).catch(tolerateRace);
}

/** Gone, or changed by somebody else in between: the next look sees it as it is then. */
function tolerateRace(thrown: unknown): void {
  if (!isConflict(thrown) && !isNotFound(thrown)) throw thrown;
}
