/** What befalls machines and wires: one function per kind of step. */
import { chosen, type Step } from "./plan.ts";
import type { MachineKind } from "./people.ts";
import type { SimNode } from "./sim-node.ts";
import type { Simulation } from "./simulation.ts";

type Befalls = (sim: Simulation, step: Step) => void;

/** Longest time that a process is down for, and a disk full, milliseconds. */
const DOWN = 20_000;

const up = (sim: Simulation, share: number): SimNode | undefined =>
  chosen(
    share,
    sim.nodes.filter(({ running }) => running !== undefined),
  );

export const MACHINES: Readonly<Record<MachineKind, Befalls>> = {
  restart(sim, { picks }) {
    const node = up(sim, picks[0]);
    if (node === undefined) return;
    sim.note(`${node.name} stops`);
    void node.stop().then(() => {
      sim.world.after(picks[1] * picks[1] * DOWN, `${node.name} is to start`, () => sim.start(node));
    });
  },
  crash(sim, { picks }) {
    const node = up(sim, picks[0]);
    if (node === undefined) return;
    const lost = node.crash();
    sim.tally.add(lost > 0 ? "crash lost batches" : "crash lost nothing");
    sim.note(`${node.name} crashes and loses ${lost} batches`);
    sim.world.after(picks[1] * picks[1] * DOWN, `${node.name} is to start`, () => sim.start(node));
  },
  partition(sim, { picks }) {
    const left = new Set(sim.nodes.filter((_, at) => (picks[0] * 65_521 * (at + 1) + picks[1] * at) % 2 < 1));
    sim.note(`${[...left].map(({ name }) => name).join(" ")} apart from the others`);
    for (const one of left) {
      for (const other of sim.nodes) {
        if (left.has(other)) continue;
        sim.fabric.cut(one.peerId, other.peerId);
        sim.fabric.cut(other.peerId, one.peerId);
      }
    }
  },
  cutOneWay(sim, { picks }) {
    const [from, to] = [chosen(picks[0], sim.nodes), chosen(picks[1], sim.nodes)];
    if (from === undefined || to === undefined || from === to) return;
    sim.note(`nothing passes from ${from.name} to ${to.name}`);
    sim.fabric.cut(from.peerId, to.peerId);
  },
  heal(sim) {
    sim.healed();
  },
  slow(sim, { picks }) {
    const node = chosen(picks[0], sim.nodes);
    if (node === undefined) return;
    const { quality } = sim.fabric;
    const isSlow = picks[1] < 0.7;
    sim.note(`${node.name} is ${isSlow ? "slow" : "as quick as the others"}`);
    sim.fabric.setQuality(node.peerId, isSlow ? { ...quality, latencyMs: 500 + picks[2] * 8000 } : undefined);
  },
  skew(sim, { picks }) {
    const node = chosen(picks[0], sim.nodes);
    if (node === undefined) return;
    node.skewMs = Math.round((picks[1] * 2 - 1) * sim.plan.skewMs);
    sim.note(`the clock of ${node.name} is wrong by ${node.skewMs} ms`);
  },
  fullDisk(sim, { picks }) {
    const node = chosen(picks[0], sim.honest);
    if (node === undefined) return;
    sim.tally.add("disk was full");
    sim.note(`the disk of ${node.name} is full`);
    node.disk.full = true;
    sim.world.after(picks[1] * DOWN, `the disk of ${node.name} has room`, () => void (node.disk.full = false));
  },
};
