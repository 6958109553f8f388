import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  createPlanner,
  decidePlacement,
  type Decision,
  type PlacementHost,
  type PlacementPod,
} from "@shoal/shared/decide/placement.ts";
import { fleets, podLists } from "./arbitraries.ts";
import { admits, choose, fits, neighboursAllow, utilisation, wishes, type World } from "./reference.ts";

const placedBy = (pods: readonly PlacementPod[], decisions: readonly Decision[]): World["placed"] =>
  pods.flatMap((pod, index) => {
    const decision = decisions[index];
    return decision?.kind === "place" ? [{ pod, host: decision.host }] : [];
  });
const mapOf = (decisions: readonly Decision[]): Record<string, Decision> =>
  Object.fromEntries(decisions.map((decision) => [decision.pod, decision]));
const find = (hosts: readonly PlacementHost[], name: string): PlacementHost =>
  hosts.find((one) => one.name === name) as PlacementHost;
const runs = { numRuns: 1500 };

describe("placement, against a plain reference", () => {
  it("chooses the same host for each arrival, for the reasons it gives", () => {
    let placedCount = 0;
    fc.assert(
      fc.property(fleets, podLists, (hosts, pods) => {
        const planner = createPlanner(hosts);
        const placed: { pod: PlacementPod; host: string }[] = [];
        for (const pod of pods) {
          const world = { hosts, placed };
          const expected = choose(world, pod);
          const decision = planner.place(pod);
          expect(decision.kind === "place" ? decision.host : undefined).toBe(expected);
          if (decision.kind !== "place") continue;
          const host = find(hosts, decision.host);
          expect(decision.because.utilisation).toBe(utilisation(world, host));
          expect(decision.because.wishes).toBe(wishes(world, host, pod));
          placed.push({ pod, host: decision.host });
          placedCount++;
        }
        for (const host of hosts) expect(planner.utilisation(host.name)).toBe(utilisation({ hosts, placed }, host));
      }),
      runs,
    );
    expect(placedCount).toBeGreaterThan(1000);
  });

  it("chooses the same after departures, and with the pods handed in instead of placed", () => {
    fc.assert(
      fc.property(fleets, podLists, fc.array(fc.nat(), { maxLength: 10 }), (hosts, pods, leaving) => {
        const planner = createPlanner(hosts);
        const half = pods.slice(0, pods.length >> 1);
        let placed = placedBy(
          half,
          half.map((pod) => planner.place(pod)),
        );
        for (const number of leaving) {
          const gone = placed[number % Math.max(1, placed.length)];
          if (gone === undefined) continue;
          expect(planner.remove(gone.pod.id)).toBe(true);
          placed = placed.filter((one) => one !== gone);
        }
        for (const pod of pods.slice(half.length)) {
          const expected = choose({ hosts, placed }, pod);
          const decision = planner.place(pod);
          expect(decision).toEqual(decidePlacement(hosts, pod, { placed }));
          expect(decision.kind === "place" ? decision.host : undefined).toBe(expected);
          if (decision.kind === "place") placed = [...placed, { pod, host: decision.host }];
        }
      }),
      runs,
    );
  });

  it("never says unsatisfiable of a pod that an empty, healthy fleet could hold", () => {
    fc.assert(
      fc.property(fleets, podLists, (hosts, pods) => {
        const calm = hosts.map((one) => ({
          ...one,
          ready: true,
          cordoned: false,
          taints: one.taints.filter(({ key }) => key !== "karpenter.sh/disrupted"),
          used: { cpuMilli: 0, memoryMiB: 0, pods: 0, gpu: 0 },
        }));
        const planner = createPlanner(hosts);
        for (const pod of pods) {
          const { kind } = planner.place(pod);
          if (kind === "place" || hosts.length === 0) continue;
          const could = calm.some((one) => admits(one, pod) && fits({ hosts: calm, placed: [] }, one, pod));
          expect(kind).toBe(could ? "provision" : "unsatisfiable");
        }
      }),
      runs,
    );
  });
});

describe("placement, whatever the input", () => {
  it("keeps capacity, buffer and hard rules in a batch", () => {
    fc.assert(
      fc.property(fleets, podLists, (hosts, pods) => {
        const placed = placedBy(pods, createPlanner(hosts).placeAll(pods));
        for (const one of placed) {
          const others = placed.filter((other) => other !== one);
          const host = find(hosts, one.host);
          expect(admits(host, one.pod)).toBe(true);
          expect(fits({ hosts, placed: others }, host, one.pod)).toBe(true);
          // Who came later may have changed the skew, and joined who was alone; being apart holds for ever.
          const apart = { ...one.pod, spread: [], affinity: { antiPods: one.pod.affinity?.antiPods ?? [] } };
          expect(neighboursAllow({ hosts, placed: others }, host, apart)).toBe(true);
        }
      }),
      runs,
    );
  });

  it("decides a batch alike in whatever order hosts and pods are given", () => {
    const shuffled = fc
      .tuple(fleets, podLists)
      .chain(([hosts, pods]) =>
        fc.tuple(
          fc.constant(hosts),
          fc.constant(pods),
          fc.shuffledSubarray([...hosts], { minLength: hosts.length }),
          fc.shuffledSubarray([...pods], { minLength: pods.length }),
        ),
      );
    fc.assert(
      fc.property(shuffled, ([hosts, pods, otherHosts, otherPods]) => {
        const one = createPlanner(hosts).placeAll(pods);
        const other = createPlanner(otherHosts).placeAll(otherPods);
        expect(one.map(({ pod }) => pod)).toEqual(pods.map(({ id }) => id));
        expect(mapOf(other)).toEqual(mapOf(one));
      }),
      runs,
    );
  });

  it("undoes an attempt without a trace", () => {
    fc.assert(
      fc.property(fleets, podLists, podLists, fc.boolean(), (hosts, pods, tried, fails) => {
        const [planner, untouched] = [createPlanner(hosts), createPlanner(hosts)];
        planner.placeAll(pods);
        untouched.placeAll(pods);
        const work = (): void => {
          for (const { id } of pods.filter((_, index) => index % 2 === 0)) planner.remove(id);
          planner.attempt(
            () => planner.placeAll(tried.map((pod) => ({ ...pod, id: `tried-${pod.id}` }))),
            () => true,
          );
          planner.consolidate({ hosts: 3, moves: 20 });
          if (fails) throw new Error("half way");
        };
        const attempt = (): unknown => planner.attempt(work, () => false);
        if (fails) expect(attempt).toThrow("half way");
        else attempt();
        for (const { id } of pods) expect(planner.hostOf(id)).toBe(untouched.hostOf(id));
        for (const { name } of hosts) expect(planner.utilisation(name)).toBe(untouched.utilisation(name));
        const next = tried.map((pod) => ({ ...pod, id: `next-${pod.id}` }));
        expect(next.map((pod) => planner.place(pod))).toEqual(next.map((pod) => untouched.place(pod)));
      }),
      runs,
    );
  });

  it("decides one pod as a planner would", () => {
    fc.assert(
      fc.property(fleets, podLists, (hosts, pods) => {
        for (const pod of pods) expect(decidePlacement(hosts, pod)).toEqual(createPlanner(hosts).place(pod));
      }),
      { numRuns: 200 },
    );
  });

  it("empties hosts in a plan that can be carried out, and gains a host with each", () => {
    let emptied = 0;
    fc.assert(
      fc.property(fleets, podLists, fc.nat(4), fc.nat(12), (hosts, pods, hostsMost, movesMost) => {
        const planner = createPlanner(hosts);
        const all = placedBy(pods, planner.placeAll(pods));
        // Departures leave the holes that there is to gain from.
        let placed = all.filter((_, index) => index % 3 !== 0);
        for (const [index, one] of all.entries()) if (index % 3 === 0) planner.remove(one.pod.id);
        const pinned = new Set(pods.slice(0, 2).map(({ id }) => id));
        const plan = planner.consolidate({ hosts: hostsMost, moves: movesMost, pinned });
        expect(plan.length).toBeLessThanOrEqual(hostsMost);
        expect(plan.flatMap(({ moves }) => moves).length).toBeLessThanOrEqual(movesMost);
        const busy = new Set(placed.map((one) => one.host));
        for (const { host, moves } of plan) {
          expect(moves.map((move) => move.pod).sort()).toEqual(
            placed
              .filter((one) => one.host === host)
              .map((one) => one.pod.id)
              .sort(),
          );
          placed = placed.filter((one) => one.host !== host);
          for (const { pod: id, to } of moves) {
            expect(pinned.has(id)).toBe(false);
            expect(busy.has(to) && to !== host).toBe(true);
            const pod = pods.find((one) => one.id === id) as PlacementPod;
            expect(admits(find(hosts, to), pod)).toBe(true);
            expect(fits({ hosts, placed }, find(hosts, to), pod)).toBe(true);
            placed = [...placed, { pod, host: to }];
          }
          emptied++;
        }
        const left = new Set(placed.map((one) => one.host));
        expect(left.size).toBe(busy.size - plan.length);
      }),
      runs,
    );
    // Chance makes it 50 to 70; a property that nothing ever reaches would hold as well.
    expect(emptied).toBeGreaterThan(10);
  });
});
