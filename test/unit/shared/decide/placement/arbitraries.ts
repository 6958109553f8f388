/** Small fleets and pods that meet every rule often: few names, few sizes, many ties. */
import * as fc from "fast-check";
import {
  HOST_KEY,
  ZONE_KEY,
  type PlacementHost,
  type PlacementPod,
  type PlacementSpread,
  type PodTerm,
} from "@shoal/shared/decide/placement.ts";

export const host = (change: Partial<PlacementHost> = {}): PlacementHost => ({
  name: "app-1",
  zone: "a",
  labels: {},
  taints: [],
  ready: true,
  cordoned: false,
  allocatable: { cpuMilli: 4000, memoryMiB: 8192, pods: 10, gpu: 0 },
  used: { cpuMilli: 0, memoryMiB: 0, pods: 0, gpu: 0 },
  ...change,
});
export const pod = (change: Partial<PlacementPod> = {}): PlacementPod => ({
  id: "p-1",
  requests: { cpuMilli: 500, memoryMiB: 512, gpu: 0 },
  ...change,
});

const effect = fc.constantFrom("NoSchedule" as const, "NoExecute" as const, "PreferNoSchedule" as const);
const rarely = <T>(usual: T, rare: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: rare });
const sometimes = <K extends string, T>(name: K, value: fc.Arbitrary<T>): fc.Arbitrary<{ [key in K]?: T }> =>
  fc.oneof(
    fc.constant({}),
    value.map((it) => ({ [name]: it }) as { [key in K]?: T }),
  );

const labels = fc
  .record({
    disk: fc.constantFrom(undefined, "ssd", "hdd"),
    cores: fc.constantFrom(undefined, "2", "16", "x"),
    "node-role": rarely<string | undefined>(undefined, fc.constant("system")),
  })
  .map(
    (all) =>
      Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Record<string, string>,
  );

const taint = fc.record({
  key: fc.constantFrom("edge-node", "dedicated", "karpenter.sh/disrupted"),
  value: fc.constantFrom("true", ""),
  effect,
});

const oneHost = fc.record({
  zone: fc.constantFrom("", "a", "b", "c"),
  labels,
  taints: rarely([], fc.array(taint, { maxLength: 2 })),
  ready: rarely(true, fc.constant(false)),
  cordoned: rarely(false, fc.constant(true)),
  allocatable: fc.record({
    cpuMilli: fc.constantFrom(1000, 2000, 4000),
    memoryMiB: fc.constantFrom(1024, 4096, 8192),
    pods: fc.constantFrom(2, 5, 20),
    gpu: fc.constantFrom(0, 0, 2),
  }),
  used: fc.record({
    cpuMilli: fc.constantFrom(0, 0, 100, 1000),
    memoryMiB: fc.constantFrom(0, 0, 512),
    pods: fc.constantFrom(0, 1),
    gpu: fc.constantFrom(0, 0, 1),
  }),
});

export const fleets: fc.Arbitrary<readonly PlacementHost[]> = fc
  .array(oneHost, { maxLength: 9 })
  .map((hosts) => hosts.map((one, index) => ({ ...one, name: `h-${(index * 7) % 11}` })));

const topologyKey = fc.constantFrom(ZONE_KEY, HOST_KEY);
const selector = fc.constantFrom<Record<string, string>>({ app: "x" }, { app: "y" }, { app: "x", tier: "1" }, {});
const requirement = fc.record({
  key: fc.constantFrom("disk", "cores", "node-role", ZONE_KEY),
  operator: fc.constantFrom(
    "In" as const,
    "NotIn" as const,
    "Exists" as const,
    "DoesNotExist" as const,
    "Gt" as const,
    "Lt" as const,
  ),
  values: fc.subarray(["ssd", "system", "8", "a", "b"]),
});
const term: fc.Arbitrary<PodTerm> = fc.record({
  topologyKey,
  matchLabels: selector,
  weight: fc.constantFrom<number | "required">("required", 10, 60),
});
const spread: fc.Arbitrary<PlacementSpread> = fc.record({
  topologyKey,
  maxSkew: fc.constantFrom(1, 2),
  whenUnsatisfiable: fc.constantFrom("DoNotSchedule" as const, "ScheduleAnyway" as const),
  matchLabels: selector,
});
const toleration = fc
  .record({
    key: fc.constantFrom(undefined, "edge-node", "dedicated"),
    operator: fc.constantFrom(undefined, "Exists" as const, "Equal" as const),
    value: fc.constantFrom(undefined, "true"),
    effect: fc.constantFrom(undefined, "NoSchedule" as const, "NoExecute" as const),
  })
  .map((all) => Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)));

const onePod = fc
  .tuple(
    fc.record({
      requests: fc.record({
        cpuMilli: fc.constantFrom(100, 250, 900, 1000, 5000),
        memoryMiB: fc.constantFrom(64, 512, 900, 4000),
        gpu: rarely(0, fc.constant(1)),
      }),
      labels: fc.record({ app: fc.constantFrom("x", "y", "z"), tier: fc.constantFrom("1", "2") }),
    }),
    sometimes("nodeSelector", fc.constantFrom<Record<string, string>>({}, { disk: "ssd" }, { [ZONE_KEY]: "a" })),
    sometimes("tolerations", fc.array(toleration, { maxLength: 2 })),
    sometimes("spread", fc.array(spread, { maxLength: 2 })),
    sometimes(
      "affinity",
      fc
        .tuple(
          sometimes("required", fc.array(requirement, { maxLength: 1 })),
          sometimes(
            "preferred",
            fc.array(fc.record({ weight: fc.constantFrom(1, 50, 100), requirement }), { maxLength: 2 }),
          ),
          sometimes("pods", fc.array(term, { maxLength: 1 })),
          sometimes("antiPods", fc.array(term, { maxLength: 1 })),
        )
        .map((parts) => Object.assign({}, ...parts) as NonNullable<PlacementPod["affinity"]>),
    ),
  )
  .map((parts) => Object.assign({}, ...parts) as Omit<PlacementPod, "id">);

export const podLists: fc.Arbitrary<readonly PlacementPod[]> = fc
  .array(onePod, { maxLength: 25 })
  .map((pods) => pods.map((one, index) => ({ ...one, id: `p-${(index * 7) % 29}` })));
