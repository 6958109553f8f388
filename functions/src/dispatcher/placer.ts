/**
 * Finds hosts for processors. Those that ask at the same time are decided together, under the cluster's placement lock: one
 * read of hosts and reservations, one decision over the batch, one statement that writes the places down.
 */
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import { podNameOf, type PodIntent } from "@shoal/shared/decide/pod-spec.ts";
import {
  createPlanner,
  decidePlacement,
  explain,
  type Decision,
  type HostShape,
  type PlacementPod,
} from "@shoal/shared/decide/placement.ts";
import { withCondition } from "@shoal/shared/model/condition.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Database, Tx } from "../store/database.ts";
import { hostsOf, reservationsOf, type HostRow, type ReservationRow } from "../store/placement/capacity.ts";
import { commitPlaces, type PlaceRow } from "../store/placement/commit.ts";
import { lockPlacement } from "../store/placement/lock.ts";
import { placementHost, placementPod } from "./placement-input.ts";
import { intentOf, type ProcessorRow } from "./processor/row.ts";

export type Placed =
  /** Written down: the row is at `create` under the next epoch. */
  | { readonly kind: "placed" }
  /** Somebody else moved the row first. */
  | { readonly kind: "moved-on" }
  | { readonly kind: "unsatisfiable"; readonly because: string }
  | { readonly kind: "no-hosts"; readonly because: string };

export interface Placer {
  /** `traceId` is of the request that asked for it, and goes with the event. */
  place(row: ProcessorRow, traceId?: string): Promise<Placed>;
  /** Whether some host could hold it if it were empty. */
  couldHold(row: ProcessorRow): Promise<boolean>;
}

export interface PlacerInit {
  readonly database: Pick<Database, "asWorker">;
  readonly clock: Pick<Clock, "now">;
  /** Kinds of hosts that can be provisioned; none where the cluster is as large as it is. */
  readonly shapes?: readonly HostShape[];
}

interface Wish {
  readonly row: ProcessorRow;
  readonly traceId: string | undefined;
}

interface Waiting extends Wish {
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
    place: (row, traceId) =>
      new Promise((resolve, reject) => {
        waiting.push({ row, traceId, resolve, reject });
        if (running) return;
        running = true;
        // After the present turn, so that everybody of this batch is in.
        setImmediate(() => void run());
      }),
    couldHold: async (row) => {
      const intent = intentOf(row);
      if (!intent.ok) return false;
      const hosts = await init.database.asWorker((tx) => hostsOf(tx, row.clusterId));
      const empty = hosts.map((host) => placementHost(host));
      const options = init.shapes === undefined ? {} : { shapes: init.shapes };
      return decidePlacement(empty, placementPod(intent.intent), options).kind !== "unsatisfiable";
    },
  };
}

async function placeGroup(init: PlacerInit, clusterId: string, group: readonly Waiting[]): Promise<void> {
  try {
    const answers = await init.database.asWorker((tx) => decideAndCommit(tx, init, clusterId, group));
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
  wishes: readonly Wish[],
): Promise<ReadonlyMap<string, Placed>> {
  await lockPlacement(tx, clusterId);
  const hosts = await hostsOf(tx, clusterId);
  const answers = new Map<string, Placed>();
  if (hosts.length === 0) {
    for (const { row } of wishes)
      answers.set(row.id, { kind: "no-hosts", because: "no host of the cluster has been seen yet" });
    return answers;
  }
  const wanted = wishes.flatMap(({ row, traceId }): Wanted[] => {
    const current = intentOf(row);
    // The intent is no pod any more: the next step sees that as a change.
    if (!current.ok) answers.set(row.id, { kind: "moved-on" });
    if (!current.ok) return [];
    return [{ row, traceId, intent: current.intent, hash: current.hash, pod: placementPod(current.intent) }];
  });
  const planner = plannerOf(hosts, await reservationsOf(tx, clusterId), shapes);
  const decisions = planner.placeAll(wanted.map(({ pod }) => pod));
  const places = wanted.flatMap((one, i): PlaceRow[] => {
    const decision = decisions[i];
    if (decision === undefined) return [];
    if (decision.kind === "unsatisfiable") {
      answers.set(one.row.id, { kind: "unsatisfiable", because: explain(decision.because) });
      return [];
    }
    return [placeRow(one, decision, clock.now())];
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
    hosts.map((host) => placementHost(host)),
    { placed, shapes },
  );
}

interface Wanted extends Wish {
  readonly intent: PodIntent;
  readonly hash: string;
  readonly pod: PlacementPod;
}

function placeRow(
  { row, traceId, intent, hash, pod }: Wanted,
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
    traceId: traceId ?? null,
  };
}

/** What made the former pod go, which is why there is a new one. */
function causeOf(row: ProcessorRow): string {
  if (row.epoch === 0) return "Created";
  return row.conditions.find(({ type }) => type === "Ready")?.reason ?? "Replaced";
}
