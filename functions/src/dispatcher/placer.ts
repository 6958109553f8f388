/**
 * Finds hosts for processors. Those that ask at the same time are decided together, under the cluster's placement lock: one
 * read of hosts and reservations, one decision over the batch, one statement that writes the places down.
 */
import { memoryMiB as parseMemory, cpuMilli as parseCpu } from "@shoal/shared/base/quantity.ts";
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import {
  podNameOf,
  podNodeSelector,
  podTolerations,
  requiredAffinity,
  type PodIntent,
} from "@shoal/shared/decide/pod-spec.ts";
import {
  createPlanner,
  decidePlacement,
  explain,
  type Decision,
  type HostShape,
  type PlacementHost,
  type PlacementPod,
} from "@shoal/shared/decide/placement.ts";
import { withCondition } from "@shoal/shared/model/condition.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { HostTaint } from "@shoal/shared/ports/pods.ts";
import type { Database, Tx } from "../store/database.ts";
import { hostsOf, reservationsOf, type HostRow, type ReservationRow } from "../store/placement/capacity.ts";
import { commitPlaces, type PlaceRow } from "../store/placement/commit.ts";
import { lockPlacement } from "../store/placement/lock.ts";
import { intentOf, type ProcessorRow } from "./processor/row.ts";

export type Placed =
  /** Written down: the row is at `create` under the next epoch. */
  | { readonly kind: "placed" }
  /** Somebody else moved the row first. */
  | { readonly kind: "moved-on" }
  | { readonly kind: "unsatisfiable"; readonly because: string }
  | { readonly kind: "no-hosts"; readonly because: string };

export interface Placer {
  place(row: ProcessorRow): Promise<Placed>;
  /** Whether some host could hold it if it were empty. */
  couldHold(row: ProcessorRow): Promise<boolean>;
}

export interface PlacerInit {
  readonly database: Pick<Database, "asWorker">;
  readonly clock: Pick<Clock, "now">;
  /** Kinds of hosts that can be provisioned; none where the cluster is as large as it is. */
  readonly shapes?: readonly HostShape[];
}

interface Waiting {
  readonly row: ProcessorRow;
  readonly resolve: (placed: Placed) => void;
  readonly reject: (thrown: unknown) => void;
}

export function createPlacer(init: PlacerInit): Placer {
  let waiting: Waiting[] = [];
  let running = false;

  const run = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      const byCluster = Map.groupBy(batch, ({ row }) => row.clusterId);
      for (const [clusterId, group] of byCluster) await placeGroup(init, clusterId, group);
    }
    running = false;
  };

  return {
    place: (row) =>
      new Promise((resolve, reject) => {
        waiting.push({ row, resolve, reject });
        if (running) return;
        running = true;
        // After the present turn, so that everybody of this batch is in.
        setImmediate(() => void run());
      }),
    couldHold: async (row) => {
      const intent = intentOf(row);
      if (!intent.ok) return false;
      const hosts = await init.database.asWorker((tx) => hostsOf(tx, row.clusterId));
      const empty = hosts.map((host) => placementHost(host, undefined));
      const options = init.shapes === undefined ? {} : { shapes: init.shapes };
      return decidePlacement(empty, placementPod(intent.intent), options).kind !== "unsatisfiable";
    },
  };
}

async function placeGroup(init: PlacerInit, clusterId: string, group: readonly Waiting[]): Promise<void> {
  try {
    const answers = await init.database.asWorker((tx) =>
      decideAndCommit(
        tx,
        init,
        clusterId,
        group.map(({ row }) => row),
      ),
    );
    for (const { row, resolve, reject } of group) {
      const answer = answers.get(row.id);
      if (answer === undefined) reject(new ShoalError("internal", `no answer for ${row.id}`));
      else resolve(answer);
    }
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(messageOf(thrown));
    for (const { reject } of group) reject(error);
  }
}

async function decideAndCommit(
  tx: Tx,
  { clock, shapes = [] }: PlacerInit,
  clusterId: string,
  rows: readonly ProcessorRow[],
): Promise<ReadonlyMap<string, Placed>> {
  await lockPlacement(tx, clusterId);
  const hosts = await hostsOf(tx, clusterId);
  const answers = new Map<string, Placed>();
  if (hosts.length === 0) {
    for (const row of rows)
      answers.set(row.id, { kind: "no-hosts", because: "no host of the cluster has been seen yet" });
    return answers;
  }
  const wanted = rows.flatMap((row) => {
    const current = intentOf(row);
    // The intent is no pod any more: the next step sees that as a change.
    if (!current.ok) answers.set(row.id, { kind: "moved-on" });
    return current.ok ? [{ row, intent: current.intent, hash: current.hash, pod: placementPod(current.intent) }] : [];
  });
  const planner = plannerOf(hosts, await reservationsOf(tx, clusterId), shapes);
  const decisions = planner.placeAll(wanted.map(({ pod }) => pod));
  const places = wanted.flatMap(({ row, intent, hash, pod }, i): PlaceRow[] => {
    const decision = decisions[i];
    if (decision === undefined) return [];
    if (decision.kind === "unsatisfiable") {
      answers.set(row.id, { kind: "unsatisfiable", because: explain(decision.because) });
      return [];
    }
    return [placeRow(row, intent, hash, pod, decision, clock.now())];
  });
  const written = await commitPlaces(tx, places);
  for (const { id } of places) answers.set(id, { kind: written.has(id) ? "placed" : "moved-on" });
  return answers;
}

/**
 * Pods that run count by template, so each host and template is one pod of the sum's size with the others of its kind beside
 * it as pods without size: spread counts heads, capacity counts sizes.
 */
function plannerOf(
  hosts: readonly HostRow[],
  reservations: readonly ReservationRow[],
  shapes: readonly HostShape[],
): ReturnType<typeof createPlanner> {
  const placed = reservations.flatMap((sum) =>
    Array.from({ length: sum.pods }, (_, i) => ({
      host: sum.host_name,
      pod: {
        id: `${sum.host_name}/${sum.template_slug}/${i}`,
        requests:
          i === 0
            ? { cpuMilli: sum.cpu_milli, memoryMiB: sum.memory_mib, gpu: sum.gpu }
            : { cpuMilli: 0, memoryMiB: 0, gpu: 0 },
        labels: { app: sum.template_slug },
      },
    })),
  );
  return createPlanner(
    hosts.map((host) => placementHost(host, undefined)),
    { placed, shapes },
  );
}

function placeRow(
  row: ProcessorRow,
  intent: PodIntent,
  hash: string,
  pod: PlacementPod,
  decision: Exclude<Decision, { kind: "unsatisfiable" }>,
  now: ReturnType<Clock["now"]>,
): PlaceRow {
  const hostName = decision.kind === "place" ? decision.host : null;
  const reason = explain(decision.because);
  const message = hostName === null ? `no host has room now: ${reason}` : `${hostName}: ${reason}`;
  return {
    id: row.id,
    expectedEpoch: row.epoch,
    podName: podNameOf(intent.processorName, row.id, row.epoch + 1),
    hostName,
    specHash: hash,
    cpuMilli: pod.requests.cpuMilli,
    memoryMiB: pod.requests.memoryMiB,
    gpu: pod.requests.gpu,
    conditions: withCondition(
      row.conditions,
      {
        type: "Placed",
        status: "True",
        reason: hostName === null ? "Provisioning" : "Placed",
        message,
        observedGeneration: row.generation,
      },
      now,
    ),
    because: causeOf(row),
    message,
    traceId: null,
  };
}

/** What made the former pod go, which is why there is a new one. */
function causeOf(row: ProcessorRow): string {
  if (row.epoch === 0) return "Created";
  return row.conditions.find(({ type }) => type === "Ready")?.reason ?? "Replaced";
}

function placementHost(host: HostRow, used: PlacementHost["used"] | undefined): PlacementHost {
  return {
    name: host.name,
    zone: host.zone,
    labels: host.labels as Readonly<Record<string, string>>,
    taints: host.taints as readonly HostTaint[],
    ready: host.ready,
    cordoned: host.cordoned,
    allocatable: { cpuMilli: host.cpu_milli, memoryMiB: host.memory_mib, pods: host.pods, gpu: host.gpu },
    used: used ?? { cpuMilli: 0, memoryMiB: 0, pods: 0, gpu: 0 },
  };
}

function placementPod(intent: PodIntent): PlacementPod {
  const { resources, placement } = intent.config;
  const labels = { app: intent.templateSlug };
  return {
    id: intent.processorId,
    requests: {
      cpuMilli: parseCpu(resources.cpu_request) ?? 0,
      memoryMiB: parseMemory(resources.memory_request) ?? 0,
      gpu: resources.gpu_required ? Math.max(1, resources.gpu_limit) : resources.gpu_limit,
    },
    labels,
    nodeSelector: podNodeSelector(intent),
    tolerations: podTolerations(intent),
    affinity: {
      required: requiredAffinity(intent.config),
      preferred: placement.preferred_affinity.map(({ weight, requirement: { key, operator, values } }) => ({
        weight,
        requirement: { key, operator, ...(values === undefined ? {} : { values }) },
      })),
    },
    spread: placement.spread.map((spread) => ({
      topologyKey: spread.topology_key,
      maxSkew: spread.max_skew,
      whenUnsatisfiable: spread.when_unsatisfiable,
      matchLabels: labels,
    })),
  };
}
