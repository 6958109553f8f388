/**
 * Desired against observed, for each processor that changed on either side. Pods are immutable, so there are five verbs:
 * create, replace, delete, adopt, hold. The rules are an ordered table; the first that matches decides and says why.
 *
 * The verbs `create`, `replace` and `adopt` make the dispatcher look at that processor; `delete` removes a pod that no row
 * wants; `hold` does nothing and says why, which is what an operator needs to read when nothing happens.
 */
import type { ProcessorStage } from "../model/processor.ts";
import type { ObservedPod } from "../ports/pods.ts";

/** What a row says that matters here. */
export interface DesiredProcessor {
  readonly processorId: string;
  readonly namespace: string;
  readonly stage: ProcessorStage;
  readonly deletionRequested: boolean;
  readonly epoch: number;
  readonly generation: number;
  readonly observedGeneration: number;
  /** Content hash of the present intent (`podIntentHash`). */
  readonly intentHash: string;
  /** What the row knows of its pod; compared to decide on adoption. */
  readonly podName: string | undefined;
  readonly podUid: string | undefined;
  readonly podIp: string | undefined;
  readonly hostName: string | undefined;
  readonly healthy: boolean;
}

export type ReconcileVerb = "create" | "replace" | "delete" | "adopt" | "hold";

export interface ReconcileAction {
  readonly verb: ReconcileVerb;
  readonly processorId: string;
  readonly namespace: string;
  /** The pod meant; absent for `create`. */
  readonly podName: string | undefined;
  readonly podUid: string | undefined;
  /** Short machine word; becomes a metric label. */
  readonly reason: string;
  readonly because: string;
}

/** One processor with everything that was seen of it. A processor normally has one pod; a replaced one may still be going. */
export interface ReconcileCase {
  readonly processorId: string;
  readonly desired: DesiredProcessor | undefined;
  readonly pods: readonly ObservedPod[];
}

export interface ReconcileWorld {
  /** Hosts that are being emptied (cordoned or tainted for maintenance). */
  readonly drainingHosts: ReadonlySet<string>;
  /** Pods of ours in the cluster, and processors that want one: the base of the mass guard. */
  readonly podsTotal: number;
}

/** Deleting more than this many unowned pods at once needs more than a missing row: a restored backup looks the same. */
export const ORPHAN_GUARD = { atLeast: 5, share: 0.2 } as const;

export function reconcile(cases: readonly ReconcileCase[], world: ReconcileWorld): readonly ReconcileAction[] {
  const actions: ReconcileAction[] = [];
  for (const one of cases) {
    for (const pod of one.pods) actions.push(...decidePod(one.desired, pod, world));
    const missing = decideMissing(one);
    if (missing !== undefined) actions.push(missing);
  }
  return guardMassDeletion(actions, world);
}

interface PodRule {
  readonly when: (desired: DesiredProcessor, pod: ObservedPod, world: ReconcileWorld) => boolean;
  readonly then: ReconcileVerb | "nothing";
  readonly reason: string;
  readonly because: (desired: DesiredProcessor, pod: ObservedPod) => string;
}

const finished = (pod: ObservedPod): boolean => pod.phase === "Failed" || pod.phase === "Succeeded";

/** First match wins. Rows about epochs come first: they protect what runs from a row that knows less than the cluster. */
const POD_RULES: readonly PodRule[] = [
  {
    when: (desired, pod) => pod.epoch > desired.epoch,
    then: "hold",
    reason: "unknown_epoch",
    because: (desired, pod) =>
      `pod carries epoch ${pod.epoch}, the row knows only ${desired.epoch}: was the database restored?`,
  },
  {
    when: (_, pod) => pod.deleting,
    then: "nothing",
    reason: "already_going",
    because: () => "pod is going already",
  },
  {
    when: (desired) => desired.stage === "gone",
    then: "delete",
    reason: "terminated",
    because: () => "processor is terminated",
  },
  {
    when: (desired, pod) => pod.epoch < desired.epoch,
    then: "delete",
    reason: "superseded",
    because: (desired, pod) => `epoch ${pod.epoch} was superseded by ${desired.epoch}`,
  },
  {
    when: (desired) => desired.stage === "stop" || desired.stage === "delete",
    then: "hold",
    reason: "stopping",
    because: () => "dispatcher is stopping it",
  },
  {
    when: (desired) => desired.deletionRequested,
    then: "replace",
    reason: "deletion_requested",
    because: () => "deletion was requested and nobody is at it",
  },
  {
    when: (_, pod) => finished(pod),
    then: "replace",
    reason: "pod_finished",
    because: (_, pod) => `pod is ${pod.phase}${pod.reason === "" ? "" : ` (${pod.reason})`}`,
  },
  {
    when: (desired, pod) => pod.specHash !== desired.intentHash,
    then: "replace",
    reason: "changed",
    because: () => "intent differs from the pod",
  },
  {
    when: (_, pod, world) => pod.hostName !== undefined && world.drainingHosts.has(pod.hostName),
    then: "replace",
    reason: "host_draining",
    because: (_, pod) => `host ${pod.hostName ?? ""} is being drained`,
  },
  {
    when: (desired, pod) => desired.stage === "ready" && pod.ready,
    then: "adopt",
    reason: "became_ready",
    because: () => "pod became ready",
  },
  {
    when: (desired, pod) =>
      desired.stage === "running" &&
      (pod.uid !== desired.podUid ||
        pod.podIp !== desired.podIp ||
        pod.hostName !== desired.hostName ||
        pod.ready !== desired.healthy),
    then: "adopt",
    reason: "evidence_changed",
    because: (desired, pod) =>
      pod.ready === desired.healthy
        ? "pod's identity or address changed"
        : `pod is ${pod.ready ? "ready" : "not ready"} now`,
  },
  {
    when: (desired) =>
      desired.stage === "accept" ||
      desired.stage === "place" ||
      desired.stage === "create" ||
      desired.stage === "failed",
    then: "hold",
    reason: "dispatcher_at_work",
    because: (desired) => `dispatcher is at stage ${desired.stage}`,
  },
];

function decidePod(
  desired: DesiredProcessor | undefined,
  pod: ObservedPod,
  world: ReconcileWorld,
): readonly ReconcileAction[] {
  const action = (verb: ReconcileVerb, reason: string, because: string): readonly ReconcileAction[] => [
    {
      verb,
      processorId: pod.processorId,
      namespace: pod.namespace,
      podName: pod.name,
      podUid: pod.uid,
      reason,
      because,
    },
  ];
  if (desired === undefined) return pod.deleting ? [] : action("delete", "orphan", "no processor of that id exists");
  const rule = POD_RULES.find((candidate) => candidate.when(desired, pod, world));
  if (rule === undefined || rule.then === "nothing") return [];
  return action(rule.then, rule.reason, rule.because(desired, pod));
}

/** A processor that should have a pod and has none of its epoch. */
function decideMissing({ processorId, desired, pods }: ReconcileCase): ReconcileAction | undefined {
  if (desired === undefined) return undefined;
  const present = pods.some((pod) => pod.epoch >= desired.epoch && !(pod.deleting && desired.stage === "running"));
  const base = { processorId, namespace: desired.namespace, podName: desired.podName, podUid: undefined };
  if (!present && (desired.stage === "running" || desired.stage === "ready")) {
    return { ...base, verb: "create", reason: "pod_missing", because: "its pod is missing" };
  }
  if (pods.length === 0 && (desired.stage === "stop" || desired.stage === "delete")) {
    return { ...base, verb: "adopt", reason: "pod_gone", because: "its pod is gone" };
  }
  return undefined;
}

/** Turns a mass deletion of pods without a row into holds: an outage of ours must not become an outage of theirs. */
function guardMassDeletion(actions: readonly ReconcileAction[], world: ReconcileWorld): readonly ReconcileAction[] {
  const orphans = actions.filter((action) => action.reason === "orphan").length;
  if (orphans < ORPHAN_GUARD.atLeast || orphans <= world.podsTotal * ORPHAN_GUARD.share) return actions;
  return actions.map((action) =>
    action.reason === "orphan"
      ? {
          ...action,
          verb: "hold",
          reason: "mass_orphans",
          because: `${orphans} of ${world.podsTotal} pods have no row: was the database restored?`,
        }
      : action,
  );
}

/** Number of buckets that drift is looked for in; a bucket's digest is the exclusive or of its members' hashes. */
export const DIGEST_BUCKETS = 256;
