import { array, assert, integer, property } from "fast-check";
import { describe, expect, it } from "vitest";
import { chooseHost } from "@shoal/emulator/cluster/scheduler/choose.ts";
import {
  freeOn,
  matchesNodeAffinity,
  reasonsAgainst,
  type Candidate,
} from "@shoal/emulator/cluster/scheduler/filter.ts";
import type { PodObject } from "@shoal/functions/adapters/kubernetes/types.ts";
import { node, pod } from "./objects.ts";

const at = (one: ReturnType<typeof node>, ...pods: PodObject[]): Candidate => ({ node: one, pods });
const why = (wish: PodObject, candidate: Candidate, all = [candidate]): readonly string[] =>
  reasonsAgainst(wish, candidate, all);
const required = (...terms: object[]): NonNullable<PodObject["spec"]["affinity"]> => ({
  nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } },
});

describe("whether a pod fits", () => {
  it("counts cpu, memory, pods and extended resources of what is there", () => {
    const small = node("n", { allocatable: { cpu: "1", memory: "1Gi", pods: "2", "nvidia.com/gpu": "1" } });
    expect(why(pod("p", { cpu: "600m" }), at(small, pod("q", { cpu: "500m" })))).toEqual(["Insufficient cpu"]);
    expect(why(pod("p", { memory: "600Mi" }), at(small, pod("q", { memory: "500Mi" })))).toEqual([
      "Insufficient memory",
    ]);
    expect(why(pod("p"), at(small, pod("q"), pod("r")))).toEqual(["Too many pods"]);
    expect(why(pod("p", { cpu: "2", memory: "2Gi" }), at(small))).toEqual(["Insufficient cpu", "Insufficient memory"]);
    const gpu = pod("p", {
      spec: { containers: [{ name: "m", image: "x", resources: { limits: { "nvidia.com/gpu": "2" } } }] },
    });
    expect(why(gpu, at(small))).toEqual(["Insufficient nvidia.com/gpu"]);
    expect(
      why(pod("p", { cpu: "500m", memory: "524Mi" }), at(small, pod("q", { cpu: "500m", memory: "500Mi" }))),
    ).toEqual([]);
  });

  it("never promises more than there is: what fits leaves nothing below zero", () => {
    assert(
      property(array(integer({ min: 0, max: 3000 }), { maxLength: 12 }), (sizes) => {
        const placed: PodObject[] = [];
        for (const [i, size] of sizes.entries()) {
          const wish = pod(`p${i}`, { cpu: `${size}m` });
          if (why(wish, at(node("n"), ...placed)).length === 0) placed.push(wish);
        }
        expect(freeOn(at(node("n"), ...placed)).cpu).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it("honours nodeSelector and required affinity, NotIn included", () => {
    const app = node("a", { labels: { "node-role": "application" } });
    const system = node("s", { labels: { "node-role": "system" } });
    const notSystem = pod("p", {
      spec: { affinity: required({ matchExpressions: [{ key: "node-role", operator: "NotIn", values: ["system"] }] }) },
    });
    expect([app, system, node("bare")].map((one) => matchesNodeAffinity(notSystem, one))).toEqual([true, false, true]);
    expect(why(pod("p", { spec: { nodeSelector: { "node-role": "application" } } }), at(system))).toEqual([
      "node(s) didn't match Pod's node affinity/selector",
    ]);
    const either = required(
      { matchExpressions: [{ key: "node-role", operator: "In", values: ["system"] }] },
      { matchFields: [{ key: "metadata.name", operator: "In", values: ["a"] }] },
    );
    expect(
      [app, system, node("b")].map((one) => matchesNodeAffinity(pod("p", { spec: { affinity: either } }), one)),
    ).toEqual([true, true, false]);
    expect(matchesNodeAffinity(pod("p", { spec: { affinity: required({}) } }), app)).toBe(false);
  });

  it.each<[string, object, boolean]>([
    ["Exists", { key: "gpu", operator: "Exists" }, true],
    ["DoesNotExist", { key: "gpu", operator: "DoesNotExist" }, false],
    ["Gt", { key: "gpu", operator: "Gt", values: ["3"] }, true],
    ["Lt", { key: "gpu", operator: "Lt", values: ["3"] }, false],
    ["an unknown operator", { key: "gpu", operator: "Like", values: ["4"] }, false],
  ])("reads %s", (_, requirement, expected) => {
    const wish = pod("p", { spec: { affinity: required({ matchExpressions: [requirement] }) } });
    expect(matchesNodeAffinity(wish, node("n", { labels: { gpu: "4" } }))).toBe(expected);
  });

  it("honours taints, tolerations and cordons", () => {
    const tainted = at(node("n", { spec: { taints: [{ key: "edge-node", value: "true", effect: "NoSchedule" }] } }));
    expect(why(pod("p"), tainted)).toEqual(["node(s) had untolerated taint {edge-node: true}"]);
    const tolerant = (toleration: object): PodObject => pod("p", { spec: { tolerations: [toleration] } });
    expect(
      why(tolerant({ key: "edge-node", operator: "Equal", value: "true", effect: "NoSchedule" }), tainted),
    ).toEqual([]);
    expect(why(tolerant({ key: "edge-node", operator: "Exists" }), tainted)).toEqual([]);
    expect(why(tolerant({ operator: "Exists" }), tainted)).toEqual([]);
    expect(why(tolerant({ key: "edge-node", value: "false" }), tainted)).toHaveLength(1);
    expect(why(tolerant({ key: "edge-node", operator: "Exists", effect: "NoExecute" }), tainted)).toHaveLength(1);
    expect(why(pod("p"), at(node("n", { spec: { unschedulable: true } })))).toEqual(["node(s) were unschedulable"]);
    expect(why(pod("p"), at(node("n", { spec: { taints: [{ key: "x", effect: "PreferNoSchedule" }] } })))).toEqual([]);
  });

  it("keeps hard topology spread", () => {
    const wish = pod("p", {
      labels: { app: "x" },
      spec: {
        topologySpreadConstraints: [
          {
            maxSkew: 1,
            topologyKey: "zone",
            whenUnsatisfiable: "DoNotSchedule",
            labelSelector: { matchLabels: { app: "x" } },
          },
        ],
      },
    });
    const full = at(node("a", { labels: { zone: "1" } }), pod("q", { labels: { app: "x" } }));
    const empty = at(node("b", { labels: { zone: "2" } }));
    const nowhere = at(node("c"));
    const all = [full, empty, nowhere];
    expect(all.map((one) => why(wish, one, all).length)).toEqual([1, 0, 1]);
  });
});

describe("the choice", () => {
  it("says why there is none in kube-scheduler's words", () => {
    const all = [
      at(node("a", { allocatable: { cpu: "1" } })),
      at(node("b", { allocatable: { cpu: "1" } })),
      at(node("c", { spec: { taints: [{ key: "k", value: "v", effect: "NoExecute" }] } })),
    ];
    expect(chooseHost(pod("p", { cpu: "2" }), all)).toEqual({
      outcome: "unschedulable",
      message: "0/3 nodes are available: 1 node(s) had untolerated taint {k: v}, 2 Insufficient cpu.",
    });
    expect(chooseHost(pod("p"), [])).toMatchObject({ message: "no nodes available to schedule pods" });
  });

  it("prefers what is preferred, then room, then the first name", () => {
    const a = at(node("a", { labels: { zone: "1" } }), pod("q", { cpu: "1" }));
    const b = at(node("b", { labels: { zone: "2" } }));
    const preferring = pod("p", {
      cpu: "100m",
      spec: {
        affinity: {
          nodeAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              { weight: 50, preference: { matchExpressions: [{ key: "zone", operator: "In", values: ["1"] }] } },
            ],
          },
        },
      },
    });
    expect(chooseHost(preferring, [a, b])).toMatchObject({ nodeName: "a" });
    expect(chooseHost(pod("p", { cpu: "100m" }), [a, b])).toMatchObject({ nodeName: "b" });
    expect(chooseHost(pod("p"), [at(node("z")), at(node("y"))])).toMatchObject({ nodeName: "y" });
  });
});
