import { describe, expect, it } from "vitest";
import { below, seeded } from "@shoal/shared/base/random.ts";
import { balanceOf, createHostOrder } from "@shoal/shared/decide/placement/host-order.ts";
import { createHostTable } from "@shoal/shared/decide/placement/host-table.ts";
import { host } from "./arbitraries.ts";

const HOSTS = 400;

describe("the order of hosts", () => {
  it.each([1, 2, 3])(
    "stays sorted and its leaves exact through arrivals, departures and closings (seed %i)",
    (seed) => {
      const random = seeded(seed);
      const hosts = Array.from({ length: HOSTS }, (_, index) =>
        host({
          name: `h-${String(index).padStart(3, "0")}`,
          allocatable: { cpuMilli: 2000, memoryMiB: 8192, pods: 10, gpu: 0 },
        }),
      );
      const table = createHostTable(hosts, 10);
      const order = createHostOrder(table);
      const inside = new Set<number>();
      const anyRequest = () => ({ cpuMilli: below(random, 2) * 300, memoryMiB: below(random, 3) * 500, gpu: 0 });
      let leavesMost = 0;
      for (let step = 0; step < 6000; step++) {
        // Waves of filling and emptying, so that leaves are split as well as joined.
        const filling = Math.floor(step / 1500) % 2 === 0;
        const chosen = below(random, HOSTS);
        const grows = below(random, 10) < (filling ? 8 : 2);
        const back = below(random, 10) < (filling ? 9 : 1);
        order.remove(chosen);
        inside.delete(chosen);
        table.change(chosen, anyRequest(), grows ? 1 : -1);
        if (back) {
          order.insert(chosen);
          inside.add(chosen);
        }
        leavesMost = Math.max(leavesMost, order.leaves.length);
        if (step % 50 !== 0) continue;
        const walked = order.leaves.flatMap((leaf) => [...leaf.hosts.subarray(0, leaf.size)]);
        const expected = [...inside].sort((a, b) => (table.utilisation[b] ?? 0) - (table.utilisation[a] ?? 0) || a - b);
        expect(walked).toEqual(expected);
        for (const leaf of order.leaves) {
          const members = [...leaf.hosts.subarray(0, leaf.size)];
          const most = (column: Float64Array): number => Math.max(...members.map((one) => column[one] ?? 0));
          expect(leaf.size).toBeGreaterThan(0);
          expect([leaf.mostCpu, leaf.mostMemory, leaf.mostPods, leaf.mostGpu, leaf.mostBalance]).toEqual([
            most(table.freeCpu),
            most(table.freeMemory),
            most(table.freePods),
            most(table.freeGpu),
            Math.max(...members.map((one) => balanceOf(table.freeCpu[one] ?? 0, table.freeMemory[one] ?? 0))),
          ]);
        }
      }
      expect(leavesMost).toBeGreaterThan(5);
      expect(order.leaves.length).toBeLessThan(leavesMost / 2);
    },
  );
});
