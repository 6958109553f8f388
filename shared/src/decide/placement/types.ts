/**
 * What placement takes in and gives out: plain read-only values. Quantities are whole numbers, CPU in milli-cores, memory in
 * MiB. Words and meanings follow Kubernetes where it has them, since the same pod may be placed by us or by its scheduler.
 */
import type { PodToleration, Requirement } from "../pod-spec.ts";
import type { HostTaint } from "../../ports/pods.ts";

export const ZONE_KEY = "topology.kubernetes.io/zone";
export const HOST_KEY = "kubernetes.io/hostname";
/** The two topologies that constraints may speak about. */
export type TopologyKey = typeof ZONE_KEY | typeof HOST_KEY;

export interface Resources {
  readonly cpuMilli: number;
  readonly memoryMiB: number;
  /** Pod slots. */
  readonly pods: number;
  readonly gpu: number;
}

export interface PlacementHost {
  readonly name: string;
  /** Empty: in no zone; then no hard zone constraint can be met on it. */
  readonly zone: string;
  /** The zone and host name need not be repeated here: selectors find them under their well-known keys. */
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly HostTaint[];
  readonly ready: boolean;
  readonly cordoned: boolean;
  readonly allocatable: Resources;
  /** Taken by everything that is not listed in `PlannerOptions.placed` (daemons, other people's pods). */
  readonly used: Resources;
}

/** A kind of host that can be provisioned. */
export interface HostShape {
  readonly name: string;
  readonly zones: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly HostTaint[];
  readonly allocatable: Resources;
}

/** `weight` 1..100 for a wish, `required` for a condition. An empty `matchLabels` matches every pod. */
export interface PodTerm {
  readonly topologyKey: TopologyKey;
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly weight: number | "required";
}

export interface PlacementAffinity {
  /** All of them must hold on the host. */
  readonly required?: readonly Requirement[];
  readonly preferred?: readonly { readonly weight: number; readonly requirement: Requirement }[];
  /** Pods to be near to, and pods to be away from. */
  readonly pods?: readonly PodTerm[];
  readonly antiPods?: readonly PodTerm[];
}

export interface PlacementSpread {
  readonly topologyKey: TopologyKey;
  readonly maxSkew: number;
  readonly whenUnsatisfiable: "DoNotSchedule" | "ScheduleAnyway";
  readonly matchLabels: Readonly<Record<string, string>>;
}

export interface PlacementPod {
  readonly id: string;
  readonly requests: { readonly cpuMilli: number; readonly memoryMiB: number; readonly gpu: number };
  readonly labels?: Readonly<Record<string, string>>;
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly tolerations?: readonly PodToleration[];
  readonly affinity?: PlacementAffinity;
  readonly spread?: readonly PlacementSpread[];
}

/** Rules that can refuse a host, in the order in which they are asked; a host counts under the first that refuses it. */
export const HOST_RULES = [
  "not_ready",
  "cordoned",
  "node_selector",
  "node_affinity",
  "taint",
  "pod_slots",
  "cpu",
  "memory",
  "gpu",
  "spread",
  "pod_affinity",
  "pod_anti_affinity",
] as const;
export type HostRule = (typeof HOST_RULES)[number];

export interface RuleCount {
  readonly rule: HostRule;
  readonly hosts: number;
  /** For the capacity rules: what the pod needs, and the most that any of these hosts has after the buffer. */
  readonly needs?: number;
  readonly most?: number;
}

/**
 * Why a host was taken: it is the most utilised of those that can hold the pod, or a less utilised one met more wishes.
 * `utilisation` is the host's before the pod, 0..1; `wishes` is the sum that it reached (see README.md).
 */
export interface PlaceReason {
  readonly rule: "most_utilised" | "preferred";
  readonly utilisation: number;
  readonly wishes: number;
}

/** Why no host was taken; counts per rule. For `never_fits` they are those of empty hosts and of the shapes. */
export interface RefusalReason {
  readonly rule: "no_hosts" | "nothing_fits_now" | "never_fits";
  readonly bufferPercent: number;
  readonly hosts: number;
  readonly refusals: readonly RuleCount[];
  readonly shapes: number;
  readonly shapeRefusals: readonly RuleCount[];
}

/** `pod` is the pod's id. Text for people comes from `explain(decision.because)`. */
export type Decision =
  | { readonly kind: "place"; readonly pod: string; readonly host: string; readonly because: PlaceReason }
  | {
      readonly kind: "provision";
      readonly pod: string;
      /** The shape to provision and where; absent where none is known to help, or only time will. */
      readonly shape: string | undefined;
      readonly zone: string | undefined;
      readonly because: RefusalReason;
    }
  | { readonly kind: "unsatisfiable"; readonly pod: string; readonly because: RefusalReason };

export interface PlannerOptions {
  /** Share of CPU and memory of each host that stays free. Slots and GPUs are counted whole. */
  readonly bufferPercent?: number;
  readonly shapes?: readonly HostShape[];
  /** Pods that run already, or have capacity set aside. Those on hosts that are not given are ignored. */
  readonly placed?: readonly { readonly pod: PlacementPod; readonly host: string }[];
}

export interface ConsolidationBudget {
  /** At most so many hosts emptied and pods moved. */
  readonly hosts: number;
  readonly moves: number;
  /** Pods that must stay where they are (just moved, pinned); their hosts are no candidates. */
  readonly pinned?: ReadonlySet<string>;
}

export interface Consolidation {
  readonly host: string;
  readonly utilisation: number;
  readonly moves: readonly { readonly pod: string; readonly to: string; readonly because: PlaceReason }[];
}

export interface Planner {
  /** Decides on one pod, and takes the capacity if it has a place. `conflict` if the pod has one already. */
  place(pod: PlacementPod): Decision;
  /** Decides on many at once, largest first; answers in the order given. */
  placeAll(pods: readonly PlacementPod[]): readonly Decision[];
  /** Gives a pod's capacity back; false if it had none. */
  remove(podId: string): boolean;
  /** Where a pod is, if it has a place. */
  hostOf(podId: string): string | undefined;
  /** Share of the host's scarcest resource that is taken, 0..1. */
  utilisation(host: string): number;
  /** Hosts that could be emptied onto the others, least utilised first. Changes nothing. */
  consolidate(budget: ConsolidationBudget): readonly Consolidation[];
  /** Runs `work`, then undoes what it did unless `keep` says yes; undoes as well when it throws. May be nested. */
  attempt<T>(work: () => T, keep: (result: T) => boolean): T;
}
