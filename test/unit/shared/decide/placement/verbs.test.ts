import { describe, expect, it } from "vitest";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import {
  createPlanner,
  decidePlacement,
  ZONE_KEY,
  type PlacementHost,
  type PlacementPod,
} from "@shoal/shared/decide/placement.ts";
import { host, pod } from "./arbitraries.ts";

const [one, two, three] = [
  host({ name: "app-1" }),
  host({ name: "app-2", zone: "b" }),
  host({ name: "app-3", zone: "c" }),
];
const size = (cpuMilli: number, memoryMiB: number, pods = 10, gpu = 0): PlacementHost["allocatable"] => ({
  cpuMilli,
  memoryMiB,
  pods,
  gpu,
});
const used = (cpuMilli: number): PlacementHost["used"] => ({ cpuMilli, memoryMiB: 0, pods: 1, gpu: 0 });

describe("a batch", () => {
  it("places GPU pods before small pods can take the room on GPU hosts", () => {
    const gpuHost = host({ name: "gpu-1", allocatable: size(4000, 8192, 110, 8) });
    const small = Array.from({ length: 60 }, (_, index) =>
      pod({ id: `a-${index}`, requests: { cpuMilli: 200, memoryMiB: 64, gpu: 0 } }),
    );
    const accelerated = pod({ id: "z", requests: { cpuMilli: 100, memoryMiB: 64, gpu: 1 } });
    expect(
      createPlanner([gpuHost])
        .placeAll([...small, accelerated])
        .at(-1),
    ).toMatchObject({ host: "gpu-1" });
  });

  it("places what is large first", () => {
    const [large, half] = [2000, 1600].map((cpuMilli) => ({ cpuMilli, memoryMiB: 64, gpu: 0 }));
    const decisions = createPlanner([one, two]).placeAll([
      pod({ id: "a", requests: half as PlacementPod["requests"] }),
      pod({ id: "b", requests: half as PlacementPod["requests"] }),
      pod({ id: "c", requests: large as PlacementPod["requests"] }),
      pod({ id: "d", requests: large as PlacementPod["requests"] }),
    ]);
    expect(decisions.map(({ kind }) => kind)).toEqual(["place", "place", "place", "place"]);
  });
});

describe("consolidation", () => {
  const placed = (id: string, where: string, cpuMilli: number) => ({
    pod: pod({ id, requests: { cpuMilli, memoryMiB: 64, gpu: 0 } }),
    host: where,
  });
  const busy = [placed("a", "app-1", 2000), placed("b", "app-2", 500), placed("c", "app-3", 1000)];

  it("empties the least utilised hosts onto the most utilised, and changes nothing", () => {
    const planner = createPlanner([one, two, three, host({ name: "idle" })], { placed: busy });
    const plan = planner.consolidate({ hosts: 9, moves: 9 });
    expect(
      plan.map((step) => [step.host, step.utilisation, ...step.moves.map((move) => `${move.pod} to ${move.to}`)]),
    ).toEqual([
      ["app-2", 0.125, "b to app-1"],
      ["app-3", 0.25, "c to app-1"],
    ]);
    expect([planner.hostOf("b"), planner.hostOf("c"), planner.utilisation("app-1")]).toEqual(["app-2", "app-3", 0.5]);
  });

  it.each([
    ["hosts", { hosts: 1, moves: 9 }, ["app-2"]],
    ["moves", { hosts: 9, moves: 0 }, []],
    ["pinned pods", { hosts: 9, moves: 9, pinned: new Set(["b"]) }, ["app-3"]],
  ])("keeps to its budget of %s", (_, budget, expected) => {
    const planner = createPlanner([one, two, three], { placed: busy });
    expect(planner.consolidate(budget).map((step) => step.host)).toEqual(expected);
  });

  it("leaves a host alone that it cannot empty wholly", () => {
    const tight = [placed("a", "app-1", 3500), placed("b", "app-2", 50), placed("c", "app-2", 100)];
    expect(createPlanner([one, two], { placed: tight }).consolidate({ hosts: 9, moves: 9 })).toEqual([]);
  });
});

describe("what placement refuses to take in", () => {
  const code = (work: () => unknown): string => {
    try {
      work();
      return "nothing";
    } catch (thrown) {
      return thrown instanceof ShoalError ? thrown.code : "other";
    }
  };
  it.each<[string, () => unknown, string]>([
    ["a host given twice", () => createPlanner([one, one]), "invalid_argument"],
    ["half a milli-core", () => createPlanner([host({ used: used(0.5) })]), "invalid_argument"],
    [
      "a negative request",
      () => decidePlacement([one], pod({ requests: { cpuMilli: -1, memoryMiB: 0, gpu: 0 } })),
      "invalid_argument",
    ],
    [
      "a skew of nothing",
      () =>
        decidePlacement(
          [one],
          pod({
            spread: [{ topologyKey: ZONE_KEY, maxSkew: 0, whenUnsatisfiable: "DoNotSchedule", matchLabels: {} }],
          }),
        ),
      "invalid_argument",
    ],
    [
      "a weight out of range",
      () =>
        decidePlacement(
          [one],
          pod({ affinity: { antiPods: [{ topologyKey: ZONE_KEY, matchLabels: {}, weight: 101 }] } }),
        ),
      "invalid_argument",
    ],
    ["a pod that has a place", () => createPlanner([one]).placeAll([pod(), pod()]), "conflict"],
  ])("refuses %s", (_, work, expected) => {
    expect(code(work)).toBe(expected);
  });

  it("ignores pods on hosts that are not there any more", () => {
    const planner = createPlanner([one], { placed: [{ pod: pod({ id: "lost" }), host: "gone" }] });
    expect(planner.hostOf("lost")).toBeUndefined();
    expect(planner.place(pod({ id: "lost" }))).toMatchObject({ kind: "place" });
  });
});
