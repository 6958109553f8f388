import { describe, expect, it } from "vitest";
import {
  createPlanner,
  decidePlacement,
  explain,
  HOST_KEY,
  ZONE_KEY,
  type Decision,
  type HostShape,
  type PlacementHost,
  type PlacementPod,
  type PlannerOptions,
} from "@shoal/shared/decide/placement.ts";
import { host, pod } from "./arbitraries.ts";

const [one, two, three] = [
  host({ name: "app-1" }),
  host({ name: "app-2", zone: "b" }),
  host({ name: "app-3", zone: "c" }),
];
const used = (cpuMilli: number, memoryMiB = 0, pods = 1, gpu = 0): PlacementHost["used"] => ({
  cpuMilli,
  memoryMiB,
  pods,
  gpu,
});
const size = (cpuMilli: number, memoryMiB: number, pods = 10, gpu = 0): PlacementHost["allocatable"] => ({
  cpuMilli,
  memoryMiB,
  pods,
  gpu,
});
const words = (decision: Decision): string => {
  const where = decision.kind === "place" ? decision.host : decision.kind;
  return `${where}: ${explain(decision.because)}`;
};
const decide = (hosts: readonly PlacementHost[], asked: Partial<PlacementPod> = {}, options?: PlannerOptions): string =>
  words(decidePlacement(hosts, pod(asked), options));
const anti = (key: typeof ZONE_KEY | typeof HOST_KEY, app: string) =>
  ({ antiPods: [{ topologyKey: key, matchLabels: { app }, weight: "required" }] }) as const;

describe("placement's choice", () => {
  it.each<[string, readonly PlacementHost[], Partial<PlacementPod>, string]>([
    ["the most utilised", [one, { ...two, used: used(1000) }], {}, "app-2: most utilised host that can hold it (25 %)"],
    ["the first name among equals", [two, one], {}, "app-1: most utilised host that can hold it (0 %)"],
    [
      "by the scarcest resource",
      [
        { ...one, used: used(1000, 1024) },
        { ...two, used: used(0, 4096) },
      ],
      {},
      "app-2: most utilised host that can hold it (50 %)",
    ],
    [
      "by slots as well",
      [
        { ...one, used: used(0, 0, 9) },
        { ...two, used: used(2000) },
      ],
      {},
      "app-1: most utilised host that can hold it (90 %)",
    ],
    [
      "to the last milli-core before the buffer",
      [{ ...one, used: used(3100) }],
      {},
      "app-1: most utilised host that can hold it (77.5 %)",
    ],
    [
      "a GPU to the last one, without a buffer",
      [{ ...one, allocatable: size(4000, 8192, 10, 1) }],
      { requests: { cpuMilli: 1, memoryMiB: 1, gpu: 1 } },
      "app-1: most utilised host that can hold it (0 %)",
    ],
    [
      "a tolerated taint",
      [host({ taints: [{ key: "edge-node", value: "true", effect: "NoSchedule" }] })],
      { tolerations: [{ key: "edge-node", operator: "Equal", value: "true", effect: "NoSchedule" }] },
      "app-1: most utilised host that can hold it (0 %)",
    ],
    [
      "a soft taint last",
      [host({ used: used(1000), taints: [{ key: "old", value: "", effect: "PreferNoSchedule" }] }), two],
      {},
      "app-2: host that meets most of its preferences (0 % utilised)",
    ],
    [
      "a soft taint rather than none",
      [host({ taints: [{ key: "old", value: "", effect: "PreferNoSchedule" }] })],
      {},
      "app-1: most utilised host that can hold it (0 %)",
    ],
    [
      "what is preferred before what is utilised",
      [
        { ...one, used: used(1000) },
        { ...two, labels: { disk: "ssd" } },
      ],
      { affinity: { preferred: [{ weight: 5, requirement: { key: "disk", operator: "In", values: ["ssd"] } }] } },
      "app-2: host that meets most of its preferences (0 % utilised)",
    ],
    [
      "a zone by its well-known key",
      [one, two],
      { nodeSelector: { [ZONE_KEY]: "b" } },
      "app-2: most utilised host that can hold it (0 %)",
    ],
    [
      "a host by its name",
      [one, two],
      { affinity: { required: [{ key: HOST_KEY, operator: "NotIn", values: ["app-1"] }] } },
      "app-2: most utilised host that can hold it (0 %)",
    ],
  ])("takes %s", (_, hosts, asked, expected) => {
    expect(decide(hosts, asked)).toBe(expected);
  });
});

describe("placement's refusals", () => {
  it.each<[string, Partial<PlacementHost>, Partial<PlacementPod>, string]>([
    ["not ready", { ready: false }, {}, "provision: 0/1 hosts: 1 not ready"],
    ["cordoned", { cordoned: true }, {}, "provision: 0/1 hosts: 1 cordoned"],
    [
      "being emptied, even if all is tolerated",
      { taints: [{ key: "karpenter.sh/disrupted", value: "", effect: "NoSchedule" }] },
      { tolerations: [{ operator: "Exists" }] },
      "provision: 0/1 hosts: 1 cordoned",
    ],
    [
      "a taint of the node lifecycle",
      { taints: [{ key: "node.kubernetes.io/disk-pressure", value: "", effect: "NoSchedule" }] },
      {},
      "provision: 0/1 hosts: 1 with a taint that is not tolerated",
    ],
    [
      "a taint",
      { taints: [{ key: "edge-node", value: "true", effect: "NoExecute" }] },
      { tolerations: [{ key: "edge-node", operator: "Equal", value: "false" }] },
      "unsatisfiable: no host could hold it even if empty: 0/1 hosts: 1 with a taint that is not tolerated",
    ],
    [
      "selector",
      { labels: { "workload-type": "system" } },
      { nodeSelector: { "workload-type": "application" } },
      "unsatisfiable: no host could hold it even if empty: 0/1 hosts: 1 without the labels that nodeSelector asks for",
    ],
    [
      "the standing rule",
      { labels: { "node-role": "system" } },
      { affinity: { required: [{ key: "node-role", operator: "NotIn", values: ["system"] }] } },
      "unsatisfiable: no host could hold it even if empty: 0/1 hosts: 1 against the required node affinity",
    ],
    ["slots", { used: used(0, 0, 10) }, {}, "provision: 0/1 hosts: 1 too few pod slots (needs 1, most free 0)"],
    [
      "CPU within the buffer",
      { used: used(3101) },
      {},
      "provision: 0/1 hosts: 1 too little CPU (needs 500m, most free 499m after the 10 % buffer)",
    ],
    [
      "memory, overcommitted",
      { used: used(0, 8000) },
      {},
      "provision: 0/1 hosts: 1 too little memory (needs 512 MiB, most free 0 MiB after the 10 % buffer)",
    ],
    [
      "a GPU",
      {},
      { requests: { cpuMilli: 1, memoryMiB: 1, gpu: 1 } },
      "unsatisfiable: no host could hold it even if empty: 0/1 hosts: 1 too few GPUs (needs 1, most free 0)",
    ],
    [
      "size",
      {},
      { requests: { cpuMilli: 3601, memoryMiB: 1, gpu: 0 } },
      "unsatisfiable: no host could hold it even if empty: 0/1 hosts: 1 too little CPU (needs 3601m, most free 3600m after the 10 % buffer)",
    ],
    [
      "no zone under a zone spread",
      { zone: "" },
      {
        spread: [{ topologyKey: ZONE_KEY, maxSkew: 1, whenUnsatisfiable: "DoNotSchedule", matchLabels: { app: "x" } }],
      },
      "provision: 0/1 hosts: 1 against the topology spread",
    ],
    [
      "nobody to be near to",
      {},
      { affinity: { pods: [{ topologyKey: HOST_KEY, matchLabels: { app: "x" }, weight: "required" }] } },
      "provision: 0/1 hosts: 1 without the pods it has to be near to",
    ],
  ])("says why: %s", (_, change, asked, expected) => {
    expect(decide([host(change)], asked)).toBe(expected);
  });

  it("counts hosts per rule, each under the first that refuses it", () => {
    const hosts = [
      { ...one, cordoned: true, used: used(4000) },
      { ...two, used: used(0, 6300) },
      { ...three, used: used(0, 6349) },
    ];
    expect(decide(hosts, { requests: { cpuMilli: 1, memoryMiB: 2048, gpu: 0 } })).toBe(
      "provision: 0/3 hosts: 1 cordoned, 2 too little memory (needs 2048 MiB, most free 1072 MiB after the 10 % buffer)",
    );
  });

  it("does not call a fleet without hosts or shapes unsatisfiable", () => {
    expect(decide([])).toBe("provision: no hosts are known");
  });
});

describe("provisioning", () => {
  const shape = (name: string, allocatable: HostShape["allocatable"], change: Partial<HostShape> = {}): HostShape => ({
    name,
    zones: ["a", "b"],
    labels: {},
    taints: [],
    allocatable,
    ...change,
  });
  const shapes = [
    shape("large", size(16_000, 65_536)),
    shape("small", size(2000, 4096)),
    shape("tiny", size(500, 512)),
  ];
  const full = { ...one, used: used(3600) };

  it("takes the shape that the pod utilises most, in the first zone", () => {
    expect(decidePlacement([full], pod(), { shapes })).toMatchObject({ kind: "provision", shape: "small", zone: "a" });
  });

  it("takes a shape where no host would ever do, and says so where none would", () => {
    const big = (memoryMiB: number): Partial<PlacementPod> => ({ requests: { cpuMilli: 1, memoryMiB, gpu: 0 } });
    expect(decidePlacement([one], pod(big(20_000)), { shapes })).toMatchObject({ kind: "provision", shape: "large" });
    expect(decide([one], big(60_000), { shapes: shapes.slice(1) })).toBe(
      "unsatisfiable: no host could hold it even if empty: " +
        "0/1 hosts: 1 too little memory (needs 60000 MiB, most free 7372 MiB after the 10 % buffer); " +
        "0/2 provisionable shapes: 2 too little memory (needs 60000 MiB, most free 3686 MiB after the 10 % buffer)",
    );
  });

  it("asks a shape what it asks a host, in each zone", () => {
    const tainted = shape("tainted", size(1000, 1024), { taints: [{ key: "gpu", value: "", effect: "NoSchedule" }] });
    const asked = { nodeSelector: { [ZONE_KEY]: "b" } };
    expect(decidePlacement([full], pod(asked), { shapes: [tainted, ...shapes] })).toMatchObject({
      shape: "small",
      zone: "b",
    });
  });

  it("provisions in a zone that the spread allows", () => {
    const spread = [
      { topologyKey: ZONE_KEY, maxSkew: 1, whenUnsatisfiable: "DoNotSchedule", matchLabels: { app: "x" } },
    ] as const;
    const other = pod({ id: "p-0", labels: { app: "x" } });
    const asked = pod({ labels: { app: "x" }, spread });
    const hosts = [one, { ...two, used: used(3600) }];
    const decision = decidePlacement(hosts, asked, { shapes, placed: [{ pod: other, host: "app-1" }] });
    expect(decision).toMatchObject({ kind: "provision", shape: "small", zone: "b" });
    expect(explain(decision.because)).toBe(
      "0/2 hosts: 1 too little CPU (needs 500m, most free 0m after the 10 % buffer), 1 against the topology spread",
    );
  });

  it("does not count on a shape without a zone where a zone is needed", () => {
    const spread = [
      { topologyKey: ZONE_KEY, maxSkew: 1, whenUnsatisfiable: "DoNotSchedule", matchLabels: { app: "x" } },
    ] as const;
    const decision = decidePlacement([full], pod({ spread }), {
      shapes: [shape("zoneless", size(900, 900), { zones: [] })],
    });
    expect(decision).toMatchObject({ kind: "provision", shape: undefined });
  });

  it("names no shape where only a neighbour would help", () => {
    const near = { pods: [{ topologyKey: ZONE_KEY, matchLabels: { app: "y" }, weight: "required" }] } as const;
    expect(decidePlacement([one], pod({ affinity: near }), { shapes })).toMatchObject({
      kind: "provision",
      shape: undefined,
      zone: undefined,
    });
  });
});

describe("neighbours", () => {
  const spreadPods = (count: number, topologyKey: typeof ZONE_KEY | typeof HOST_KEY, hard: boolean): string[] => {
    const planner = createPlanner([one, two, three]);
    return Array.from({ length: count }, (_, index) => {
      const decision = planner.place(
        pod({
          id: `p-${index}`,
          labels: { app: "x" },
          spread: [
            {
              topologyKey,
              maxSkew: 1,
              whenUnsatisfiable: hard ? "DoNotSchedule" : "ScheduleAnyway",
              matchLabels: { app: "x" },
            },
          ],
        }),
      );
      return decision.kind === "place" ? decision.host : decision.kind;
    });
  };

  it("spreads over zones and hosts within the skew, and packs within that", () => {
    const expected = ["app-1", "app-2", "app-3", "app-1", "app-2", "app-3"];
    expect(spreadPods(6, ZONE_KEY, true)).toEqual(expected);
    expect(spreadPods(6, HOST_KEY, true)).toEqual(expected);
  });

  it("gives a wish up only where capacity ends", () => {
    const placed = spreadPods(22, ZONE_KEY, false);
    expect(placed.slice(0, 6)).toEqual(["app-1", "app-2", "app-3", "app-1", "app-2", "app-3"]);
    expect(placed.filter((where) => where === "provision")).toHaveLength(1);
  });

  it("keeps apart in both directions", () => {
    const planner = createPlanner([one, two]);
    const shy = pod({ id: "shy", labels: { app: "x" }, affinity: anti(HOST_KEY, "y") });
    expect(planner.place(shy)).toMatchObject({ host: "app-1" });
    const decision = planner.place(pod({ id: "other", labels: { app: "y" } }));
    expect(decision).toMatchObject({ host: "app-2" });
    expect(planner.place(pod({ id: "third", labels: { app: "x" }, affinity: anti(HOST_KEY, "y") }))).toMatchObject({
      host: "app-1",
    });
    expect(planner.remove("shy") && planner.remove("third")).toBe(true);
    expect(planner.remove("shy")).toBe(false);
    expect(planner.place(pod({ id: "fourth", labels: { app: "y" } }))).toMatchObject({ host: "app-2" });
  });

  it("lets the first of a group settle anywhere and the others follow, also in a batch that starts with a follower", () => {
    const pods = [{ topologyKey: ZONE_KEY, matchLabels: { app: "x" }, weight: "required" }] as const;
    const leader = pod({ id: "leader", labels: { app: "x" }, nodeSelector: { [ZONE_KEY]: "b" } });
    const follower = pod({
      id: "follower",
      requests: { cpuMilli: 3000, memoryMiB: 64, gpu: 0 },
      affinity: { pods },
    });
    const decisions = createPlanner([one, two]).placeAll([follower, leader]);
    expect(decisions.map((decision) => decision.kind === "place" && decision.host)).toEqual(["app-2", "app-2"]);
    const alone = decidePlacement([one], pod({ labels: { app: "x" }, affinity: { pods } }));
    expect(alone).toMatchObject({ kind: "place" });
  });
});
