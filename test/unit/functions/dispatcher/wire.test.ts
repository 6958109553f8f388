/**
 * Fail every request, repeat every request: each request to the API fails once before it was sent, or loses its answer after it
 * took effect, and the road ends where it would have ended. A namespace of its own for each run, so that what is made once
 * for a namespace is made in each.
 */
import { sql as statement } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { KubernetesError } from "@shoal/functions/adapters/kubernetes/error.ts";
import { listObjects } from "@shoal/functions/adapters/kubernetes/list.ts";
import {
  createObject,
  deleteObject,
  DISRUPTION_BUDGETS,
  findObject,
  patchObject,
  PODS,
} from "@shoal/functions/adapters/kubernetes/resources.ts";
import {
  activationsOf,
  ask,
  CLUSTER,
  DELETE,
  eventsOf,
  operationsOf,
  RESTART,
  rowOf,
  seedProcessors,
} from "../../../support/road/seed.ts";
import { eventually } from "../../../support/clock.ts";
import { setWireStage, type WireStage } from "../../../support/road/wire.ts";

let stage: WireStage;
let namespace: string;
let n = 0;
beforeAll(async () => {
  stage = await setWireStage();
  await stage.pass();
});
afterAll(() => stage.stop());
beforeEach(async () => {
  await stage.api.faults.clear();
});

const sql = () => stage.db.sql;
const seed = async (): Promise<string> => {
  namespace = `wire-${++n}`;
  const [id = ""] = await seedProcessors(sql(), `x${n}-`);
  await sql().query("update processors set k8s_namespace = $2 where id = $1", [id, namespace]);
  return id;
};
const budgets = async (): Promise<number> =>
  (await listObjects(stage.api.client, DISRUPTION_BUDGETS, { namespace, project: (one) => one })).items.length;
const outage = (): KubernetesError => new KubernetesError({ status: 0, reason: "NetworkError", message: "no answer" });

type Moment = "before" | "after";

interface Ride {
  readonly points: readonly string[];
  readonly story: unknown;
}

async function ride(
  changes: readonly string[],
  fault?: { readonly point: number; readonly moment: Moment },
): Promise<Ride> {
  const points: string[] = [];
  const dispatcher = stage.dispatcher(async (method, path, act) => {
    const number = points.push(`${method} ${path.replaceAll(/-\d+/g, "")}`) - 1;
    if (fault?.point === number && fault.moment === "before") throw outage();
    const answer = await act();
    if (fault?.point === number) throw outage();
    return answer;
  });
  const id = await seed();
  await dispatcher.wake();
  const budgetsAfter = [await budgets()];
  for (const change of changes) {
    await ask(sql(), id, change);
    await dispatcher.wake();
    budgetsAfter.push(await budgets());
  }
  const row = await rowOf(sql(), id);
  const pods = await stage.podsIn(namespace);
  return {
    points,
    story: {
      row: [row.stage, row.status, row.epoch, row.generation, row.observed_generation, row.reserved_cpu_milli],
      pods: pods.map(({ metadata }) => [metadata.labels?.["shoal.dev/epoch"], metadata.uid === row.pod_uid]),
      budgets: budgetsAfter,
      events: await eventsOf(sql(), id),
      operations: await operationsOf(sql(), id),
      activations: await activationsOf(sql(), id),
      left: (await sql().query("select from tasks")).rowCount,
    },
  };
}

describe("the road", () => {
  it("ends the same, whatever request fails once, before or after it took effect", { timeout: 60_000 }, async () => {
    const changes = [RESTART, DELETE];
    const clean = await ride(changes);
    expect(clean.points.length).toBeGreaterThan(20);
    expect(clean.story).toMatchObject({ row: ["gone", "terminated", "2", "3", "3", 0], budgets: [1, 1, 0], pods: [] });
    for (const [point, what] of clean.points.entries()) {
      for (const moment of ["before", "after"] as const) {
        const { story } = await ride(changes, { point, moment });
        expect(story, `${what} failed ${moment}`).toEqual(clean.story);
      }
    }
  });
});

describe("a disruption budget", () => {
  it("is there with the first pod that runs, whichever epoch that is", async () => {
    const id = await seed();
    let refusing = true;
    const dispatcher = stage.dispatcher((method, path, act) =>
      refusing && method === "POST" && path.endsWith("/poddisruptionbudgets") ? Promise.reject(outage()) : act(),
    );
    const end = new AbortController();
    const working = dispatcher.wake(end.signal);
    await eventually(async () => ((await rowOf(sql(), id)).stage === "create" ? true : undefined), "at create");
    end.abort();
    await working;
    await sql().query("update processors set stage_since = now() - interval '3 minutes' where id = $1", [id]);
    await sql().query("update tasks set run_at = now()");
    refusing = false;
    await dispatcher.wake();
    expect(await rowOf(sql(), id)).toMatchObject({ stage: "running", epoch: "2" });
    expect(await budgets()).toBe(1);
  });
});

/** A pass with what it wrote: requests, and whether its transaction was given an id, as one that writes anything is. */
const countedPass = async () => {
  const writes: string[] = [];
  let transactionId: string | null | undefined;
  const result = await stage.pass({
    stand: (method, path, act) => {
      if (method !== "GET") writes.push(`${method} ${path}`);
      return act();
    },
    database: {
      ...stage.database,
      asWorker: (work, how) =>
        stage.database.asWorker(async (tx) => {
          const done = await work(tx);
          const { rows } = await statement<{ id: string | null }>`
            select pg_current_xact_id_if_assigned()::text as id`.execute(tx);
          transactionId = rows[0]?.id;
          return done;
        }, how),
    },
  });
  return { result, writes, transactionId };
};

describe("passes over the wire", () => {
  it("bring a killed pod back, remove what nobody wants, and then write nothing, inside or outside", async () => {
    const id = await seed();
    const dispatcher = stage.dispatcher();
    await dispatcher.wake();
    await stage.pass();
    const [first] = await stage.podsIn(namespace);
    const { name = "" } = first?.metadata ?? {};
    await deleteObject(stage.api.client, PODS, { namespace, name }, { graceSeconds: 0 });
    expect((await stage.pass()).actions).toMatchObject([{ verb: "create", processorId: id, reason: "pod_missing" }]);
    await dispatcher.wake();
    expect(await rowOf(sql(), id)).toMatchObject({ stage: "running", epoch: "2" });

    const labels = { "managed-by": "dory-orchestrator", "processor-id": "prc-nobody" };
    const containers = [{ name: "c", image: "registry.test/app" }];
    await createObject(stage.api.client, PODS, {
      metadata: { name: "stray", namespace, labels },
      spec: { containers },
    });
    expect((await stage.pass()).actions).toMatchObject([{ verb: "delete", podName: "stray", reason: "orphan" }]);
    expect(await findObject(stage.api.client, PODS, { namespace, name: "stray" })).toBeUndefined();

    await stage.pass();
    const quiet = await countedPass();
    expect(quiet.result).toMatchObject({ wrote: false, looked: 0, actions: [] });
    expect(quiet.writes).toEqual([]);
    expect(quiet.transactionId).toBeNull();
    expect(await stage.podsIn(namespace)).toHaveLength(1);
  });

  it("take an outage of the API for what it is: nothing is deleted, forgotten or made again", async () => {
    const id = await seed();
    const dispatcher = stage.dispatcher();
    await dispatcher.wake();
    await stage.pass();
    await stage.pass();
    const before = await rowOf(sql(), id);
    const observed = () => sql().query("select name from observed_pods where cluster_id = $1 order by name", [CLUSTER]);
    const known = (await observed()).rows;

    await stage.api.faults.refuseConnections(true);
    await expect(stage.pass()).rejects.toMatchObject({ code: "unavailable" });
    await sql().query(
      "insert into tasks (kind, key, organisation_id) select 'processor', id, organisation_id from processors where id = $1",
      [id],
    );
    const end = new AbortController();
    const working = dispatcher.wake(end.signal);
    end.abort();
    await working;
    await stage.api.faults.refuseConnections(false);

    expect((await observed()).rows).toEqual(known);
    await dispatcher.wake();
    expect(await rowOf(sql(), id)).toMatchObject({ stage: "running", epoch: before.epoch, pod_uid: before.pod_uid });
    expect((await stage.pass()).actions).toEqual([]);
  });

  it("hear of a pod whose readiness is lost, and tell the processor's health", async () => {
    const id = await seed();
    const dispatcher = stage.dispatcher();
    await dispatcher.wake();
    await stage.pass();
    const [pod] = await stage.podsIn(namespace);
    const status = { conditions: [{ type: "Ready", status: "False" }] };
    const at = { namespace, name: pod?.metadata.name ?? "" };
    await patchObject(stage.api.client, PODS, at, "merge", { status }, { subresource: "status" });
    expect((await stage.pass()).actions).toMatchObject([{ verb: "adopt", reason: "evidence_changed" }]);
    await dispatcher.wake();
    expect(await rowOf(sql(), id)).toMatchObject({ stage: "running", health_status: "unhealthy", epoch: "1" });
  });
});
