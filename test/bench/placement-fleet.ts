/**
 * The fleets and pods that the placement bench decides on, drawn from a seed: 5,000 hosts, 50,000 pods. `plain` asks for
 * capacity only. `mixed` is the shape of Karpenter's own benchmark (plain pods, zone spread, host spread, affinity to zone
 * and to host, anti-affinity) with node affinity, taints and a few pods for which a host has to be provisioned.
 */
import { below, seeded, type Random } from "@shoal/shared/base/random.ts";
import {
  HOST_KEY,
  ZONE_KEY,
  type HostShape,
  type PlacementHost,
  type PlacementPod,
  type TopologyKey,
} from "@shoal/shared/decide/placement.ts";

const HOSTS = 5000;
export const PODS = 50_000;
const ZONES = ["zone-a", "zone-b", "zone-c"] as const;
const NOTHING = { cpuMilli: 0, memoryMiB: 0, pods: 0, gpu: 0 };

export interface Scenario {
  readonly hosts: readonly PlacementHost[];
  readonly pods: readonly PlacementPod[];
  readonly shapes: readonly HostShape[];
}

const pick = <T>(random: Random, from: readonly T[]): T => from[below(random, from.length)] as T;
const numbered = (name: string, index: number): string => `${name}-${String(index).padStart(5, "0")}`;

/** Fisher-Yates. */
function shuffled<T>(random: Random, given: readonly T[]): T[] {
  const list = [...given];
  for (let i = list.length - 1; i > 0; i--) {
    const j = below(random, i + 1);
    [list[i], list[j]] = [list[j] as T, list[i] as T];
  }
  return list;
}

const SIZES: readonly (readonly [cpuMilli: number, memoryMiB: number])[] = [
  [100, 256],
  [250, 512],
  [500, 1024],
  [500, 4096],
  [1000, 1024],
  [1000, 2048],
  [2000, 8192],
  [4000, 8192],
];

const anySize = (random: Random): PlacementPod["requests"] => {
  const [cpuMilli, memoryMiB] = pick(random, SIZES);
  return { cpuMilli, memoryMiB, gpu: 0 };
};

/** Equal hosts of 16 cores and 64 GiB; eight sizes of pods in random order. */
export function plain(seed: number): Scenario {
  const random = seeded(seed);
  const allocatable = { cpuMilli: 16_000, memoryMiB: 65_536, pods: 110, gpu: 0 };
  return {
    hosts: Array.from({ length: HOSTS }, (_, index) => ({
      name: numbered("host", index),
      zone: ZONES[index % ZONES.length] as string,
      labels: {},
      taints: [],
      ready: true,
      cordoned: false,
      allocatable,
      used: NOTHING,
    })),
    pods: Array.from({ length: PODS }, (_, index) => ({ id: numbered("pod", index), requests: anySize(random) })),
    shapes: [],
  };
}

/** 400 shapes: 25 sizes of 2 to 50 cores in four families of memory and four architectures or taints. */
function catalogue(): HostShape[] {
  const shapes: HostShape[] = [];
  for (let cores = 2; cores <= 50; cores += 2) {
    for (const memoryPerCore of [2, 4, 8, 16]) {
      for (const kind of ["amd64", "arm64", "batch", "accelerated"]) {
        shapes.push({
          name: `${kind}-${cores}x${memoryPerCore}`,
          zones: ZONES,
          labels: { "kubernetes.io/arch": kind === "arm64" ? "arm64" : "amd64", family: kind, cores: String(cores) },
          taints: kind === "batch" ? [{ key: "batch", value: "true", effect: "NoSchedule" }] : [],
          allocatable: {
            cpuMilli: cores * 1000,
            memoryMiB: cores * memoryPerCore * 1024,
            pods: 110,
            gpu: kind === "accelerated" ? 1 : 0,
          },
        });
      }
    }
  }
  return shapes;
}

type Asks = Partial<Omit<PlacementPod, "id" | "requests">>;

/** Groups of pods of one application each: what the `index`th application of a kind asks for. */
const GROUPS: readonly {
  readonly name: string;
  readonly apps: number;
  readonly members: number;
  asks: (app: string) => Asks;
}[] = [
  { name: "zonal", apps: 50, members: 200, asks: (app) => spread(app, ZONE_KEY) },
  { name: "wide", apps: 50, members: 200, asks: (app) => spread(app, HOST_KEY) },
  {
    name: "both",
    apps: 25,
    members: 100,
    asks: (app) => ({ spread: [...(spread(app, ZONE_KEY).spread ?? []), soft(app)] }),
  },
  { name: "together", apps: 25, members: 100, asks: (app) => near(app, ZONE_KEY) },
  { name: "close", apps: 500, members: 5, asks: (app) => near(app, HOST_KEY) },
  { name: "apart", apps: 25, members: 100, asks: (app) => ({ affinity: { antiPods: [term(app, HOST_KEY)] } }) },
  {
    name: "picky",
    apps: 25,
    members: 100,
    asks: () => ({
      affinity: {
        required: [{ key: "cores", operator: "Gt", values: ["7"] }],
        preferred: [{ weight: 50, requirement: { key: "kubernetes.io/arch", operator: "In", values: ["arm64"] } }],
      },
      tolerations: [{ key: "batch", operator: "Exists" }],
    }),
  },
  { name: "heavy", apps: 5, members: 100, asks: () => ({ nodeSelector: { family: "accelerated" } }) },
];

const term = (app: string, topologyKey: TopologyKey) =>
  ({ topologyKey, matchLabels: { app }, weight: "required" }) as const;
const near = (app: string, topologyKey: TopologyKey): Asks => ({ affinity: { pods: [term(app, topologyKey)] } });
const spread = (app: string, topologyKey: TopologyKey): Asks => ({
  spread: [{ topologyKey, maxSkew: 1, whenUnsatisfiable: "DoNotSchedule", matchLabels: { app } }],
});
const soft = (app: string) =>
  ({ topologyKey: HOST_KEY, maxSkew: 1, whenUnsatisfiable: "ScheduleAnyway", matchLabels: { app } }) as const;

/** Hosts drawn from all shapes but the accelerated ones, which only the catalogue has. */
export function mixed(seed: number): Scenario {
  const random = seeded(seed);
  const shapes = catalogue();
  const existing = shapes.filter((shape) => shape.labels["family"] !== "accelerated");
  const hosts = Array.from({ length: HOSTS }, (_, index) => {
    const { labels, taints, allocatable } = existing[index % existing.length] as HostShape;
    const zone = pick(random, ZONES);
    return {
      name: numbered("host", index),
      zone,
      labels,
      taints,
      ready: true,
      cordoned: false,
      allocatable,
      used: NOTHING,
    };
  });
  const pods: Omit<PlacementPod, "id">[] = [];
  for (const { name, apps, members, asks } of GROUPS) {
    for (let number = 0; number < apps; number++) {
      const app = `${name}-${number}`;
      const requests = name === "close" ? { cpuMilli: 100, memoryMiB: 128, gpu: 0 } : anySize(random);
      for (let member = 0; member < members; member++) pods.push({ requests, labels: { app }, ...asks(app) });
    }
  }
  while (pods.length < PODS) pods.push({ requests: anySize(random), labels: { app: `plain-${below(random, 50)}` } });
  return { hosts, shapes, pods: shuffled(random, pods).map((pod, index) => ({ id: numbered("pod", index), ...pod })) };
}
