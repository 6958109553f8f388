/**
 * Real nodes in processes of their own, on this machine: how long after a write was asked for on one of them every node has
 * its root; and how long after a partition ends both sides have one root. The machine's own round trip is measured beside it.
 */
import { milliseconds } from "@shoal/shared/base/time.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { startMesh, type Mesh, type MeshNode } from "../support/mesh.ts";
import { levelled, makeTeam, write } from "../support/mesh-team.ts";
import { alone, type Bench, type BenchOptions, type BenchRow } from "./harness.ts";

const WRITES = 200;
const APART = 100;
/** Between two writes, so that one's messages are not the next one's delay. */
const PAUSE_MS = 20;
const GOAL_MS = 50;

/** Resolves waiters as nodes tell of the roots that they have. */
class Roots {
  readonly #seen = new Map<string, Set<string>>();
  readonly #waiting = new Map<string, () => void>();
  readonly #stop = new AbortController();
  readonly #size: number;

  constructor(size: number) {
    this.#size = size;
  }

  async listen(node: MeshNode, contextId: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    void this.#follow(node, contextId, resolve);
    await promise;
  }

  async #follow(node: MeshNode, contextId: string, onOpen: () => void): Promise<void> {
    const events = node.client.events({ contextIds: [contextId], signal: this.#stop.signal, onOpen });
    for await (const { type, data } of events) {
      if (type !== "StateMutation") continue;
      this.#saw(node.name, (data as { readonly newRoot: string }).newRoot);
    }
  }

  #saw(name: string, root: string): void {
    const who = this.#seen.get(root) ?? new Set();
    this.#seen.set(root, who.add(name));
    if (who.size === this.#size) this.#waiting.get(root)?.();
  }

  /** Resolves when every node has told of the root. */
  async everywhere(root: string): Promise<void> {
    if (this.#seen.get(root)?.size === this.#size) return;
    await new Promise<void>((resolve) => void this.#waiting.set(root, resolve));
  }

  end(): void {
    this.#stop.abort();
  }
}

async function writeTimes(mesh: Mesh, contextId: string): Promise<readonly number[]> {
  const [writer] = mesh.nodes;
  if (writer === undefined) throw new Error("a mesh has nodes");
  const roots = new Roots(mesh.nodes.length);
  for (const node of mesh.nodes) await roots.listen(node, contextId);
  const times: number[] = [];
  for (let n = 0; n < WRITES; n++) {
    const began = systemClock.monotonic();
    await write(writer, contextId, `key ${n % 50}`, `value ${n}`);
    const root = (await writer.client.call("contexts.get", { params: { id: contextId } })).data.rootHash;
    await roots.everywhere(root);
    times.push(systemClock.monotonic() - began);
    await systemClock.sleep(milliseconds(PAUSE_MS));
  }
  roots.end();
  return times;
}

async function healTime(mesh: Mesh, contextId: string, round: number): Promise<number> {
  const half = mesh.nodes.length / 2;
  const [left, right] = [mesh.nodes.slice(0, half), mesh.nodes.slice(half)];
  await mesh.part(left, right);
  for (let n = 0; n < APART; n++) {
    for (const [side, [node]] of [left, right].entries()) {
      if (node !== undefined) await write(node, contextId, `apart ${round} ${side} ${n}`, "value");
    }
  }
  await mesh.heal();
  const began = systemClock.monotonic();
  await levelled(mesh.nodes, contextId);
  return systemClock.monotonic() - began;
}

/** Mean milliseconds of a request that does nothing: the machine's round trip between two processes. */
async function roundTrip({ client }: MeshNode): Promise<number> {
  const began = systemClock.monotonic();
  for (let n = 0; n < 100; n++) await client.call("node.health");
  return (systemClock.monotonic() - began) / 100;
}

const percentile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1] ?? Number.NaN;

async function run({ rounds, log }: BenchOptions): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const count of [2, 8]) {
    const mesh = await startMesh(count);
    try {
      const { contextId } = await makeTeam(mesh.nodes);
      const [first] = mesh.nodes;
      if (first === undefined) throw new Error("a mesh has nodes");
      const [p50, p99, trips, heals]: [number[], number[], number[], number[]] = [[], [], [], []];
      for (let round = 0; round < rounds; round++) {
        trips.push(await roundTrip(first));
        const times = await writeTimes(mesh, contextId);
        p50.push(percentile(times, 0.5));
        p99.push(percentile(times, 0.99));
        heals.push(await healTime(mesh, contextId, round));
        log(`${count} nodes, round ${round + 1} of ${rounds}`);
      }
      const of = (metric: string) => ({
        bench: "converge",
        metric: `${count} nodes: ${metric}`,
        unit: "ms",
        digits: 1,
      });
      const trip = Math.max(...trips);
      rows.push(
        alone(of("round trip of a request"), trips),
        alone(of("write until all roots agree, p50"), p50),
        alone(of("write until all roots agree, p99"), p99, {
          text: `<= 2 RTT + ${GOAL_MS} ms`,
          pass: ({ value }) => value <= 2 * trip + GOAL_MS,
        }),
        alone(of(`heal after ${APART} writes on both sides, until all roots agree`), heals, {
          // What is sent is a few ten kilobytes, which take next to no time here.
          text: `<= 2 RTT + bytes / bandwidth (${GOAL_MS} ms)`,
          pass: ({ value }) => value <= 2 * trip + GOAL_MS,
        }),
      );
    } finally {
      await mesh.end();
    }
  }
  return rows;
}

export const bench: Bench = {
  name: "converge",
  describe: "2 and 8 nodes: a write until all roots agree; a partition that heals",
  run,
};
