import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createOrchestrator, type PassOptions, type PassResult } from "@shoal/functions/orchestrator/pass.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { eventually, systemClock } from "../../../support/clock.ts";
import { between, type Worker } from "../../../support/road/between.ts";
import { hostOf } from "../../../support/road/cluster.ts";
import { ask, CLUSTER, DELETE, RESTART, rowOf, seedProcessors, texts } from "../../../support/road/seed.ts";
import { setStage, type Stage } from "../../../support/road/stage.ts";

let stage: Stage;
let n = 0;
beforeAll(async () => {
  stage = await setStage();
});
beforeEach(async () => {
  await stage.db.sql.query(
    "truncate tasks, passes, observed_pods; delete from hosts; update processors set terminated_at = now(), stage = 'gone' where terminated_at is null",
  );
  stage.cluster.pods.clear();
  stage.cluster.hosts.clear();
  stage.cluster.around = (_, act) => act();
  stage.cluster.setHost("a", hostOf("a", { cpuMilli: 64_000, memoryMiB: 131_072 }));
  stage.cluster.compact();
  stage.queue.asked.length = 0;
});
afterAll(() => stage.db.drop());

type Done = Extract<PassResult, { kind: "done" }>;
const orchestratorOver = (database: Worker) =>
  createOrchestrator({ database, pods: stage.cluster, queue: stage.queue, clock: systemClock, log: silentLog });
const passOrBusy = (options: Partial<PassOptions> = {}): Promise<PassResult> =>
  orchestratorOver(stage.database).pass({ clusterId: CLUSTER, shard: 0, ...options });
const pass = async (options: Partial<PassOptions> = {}): Promise<Done> => {
  const result = await passOrBusy(options);
  if (result.kind !== "done") throw new Error("another pass is at it");
  return result;
};
const said = ({ actions }: Done): readonly string[] =>
  actions.map(({ verb, reason }) => `${verb} ${reason}`).toSorted();
const knocked = () => texts(stage.db.sql, "select key from tasks order by key");
const observed = () => texts(stage.db.sql, "select name from observed_pods order by name");
/** Processors that run, known to the passes as they are. */
const running = async (count = 1): Promise<readonly string[]> => {
  await pass();
  const ids = await seedProcessors(stage.db.sql, `o${n++}-`, { count });
  await stage.work();
  await pass();
  stage.queue.asked.length = 0;
  return ids;
};
/** `work`, while a transaction that began before it is open; then that one ends. */
const besides = async (statements: readonly string[], end: string, work: () => Promise<void>): Promise<void> => {
  const client = await stage.db.sql.connect();
  try {
    for (const statement of ["begin", ...statements]) await client.query(statement);
    await work();
  } finally {
    await client.query(end);
    client.release();
  }
};
const podOf = async (id = ""): Promise<string> => (await rowOf(stage.db.sql, id)).pod_name ?? "";

describe("a pass", () => {
  it("sees hosts, so that processors are placed, and knocks at nobody for what is as it should be", async () => {
    expect(await pass()).toMatchObject({ complete: true, wrote: true });
    expect(await texts(stage.db.sql, "select name from hosts")).toEqual(["a"]);
    await seedProcessors(stage.db.sql, `o${n++}-`, { count: 3 });
    await stage.work();
    expect(await pass()).toMatchObject({ complete: false, looked: 3, actions: [] });
    expect(await knocked()).toEqual([]);
  });

  it("brings back a pod that was killed", async () => {
    const [id = ""] = await running();
    stage.cluster.set(await podOf(id), undefined);
    expect(said(await pass())).toEqual(["create pod_missing"]);
    expect(await knocked()).toEqual([id]);
    expect(stage.queue.asked.map(({ queue }) => queue)).toEqual(["dispatch"]);
    await stage.work();
    expect(await rowOf(stage.db.sql, id)).toMatchObject({ stage: "running", epoch: "2" });
  });

  it("deletes a pod that nobody wants, guarded by its uid", async () => {
    await running();
    stage.cluster.set("stray", { processorId: "prc-nobody", uid: "u-stray" });
    expect(said(await pass())).toEqual(["delete orphan"]);
    expect(stage.cluster.deletions.at(-1)).toEqual(["stray", "u-stray"]);
    await pass();
    expect(await observed()).not.toContain("stray");
  });

  it("deletes the pod of a terminated processor, and one of an epoch that is over", async () => {
    const [first = "", second = ""] = await running(2);
    await ask(stage.db.sql, first, DELETE);
    await stage.work();
    stage.cluster.set("late", { processorId: first, epoch: 1 });
    await ask(stage.db.sql, second, RESTART);
    await stage.work();
    stage.cluster.set("older", { processorId: second, epoch: 1 });
    expect(said(await pass())).toEqual(["delete superseded", "delete terminated"]);
  });

  it("holds where many pods lost their rows at once", async () => {
    await running(4);
    for (let i = 0; i < 6; i++) stage.cluster.set(`lost-${i}`, { processorId: `prc-lost${i}` });
    const writes = stage.cluster.writes();
    expect(said(await pass())).toEqual(Array.from({ length: 6 }, () => "hold mass_orphans"));
    expect(stage.cluster.writes()).toBe(writes);
  });

  it("deletes the few that lost their rows among many pods", async () => {
    await running(30);
    for (let i = 0; i < 6; i++) stage.cluster.set(`lost-${i}`, { processorId: `prc-lost${i}` });
    expect(said(await pass())).toEqual(Array.from({ length: 6 }, () => "delete orphan"));
  });

  it("finds a pod again whose deletion failed", async () => {
    await running();
    stage.cluster.set("stray", { processorId: "prc-nobody" });
    stage.cluster.around = (method, act) =>
      method === "delete" ? Promise.reject(new ShoalError("unavailable", "no answer")) : act();
    await pass();
    expect(stage.cluster.pods.has("apps/stray")).toBe(true);
    stage.cluster.around = (_, act) => act();
    expect(await pass()).toMatchObject({ complete: true });
    expect(stage.cluster.pods.has("apps/stray")).toBe(false);
  });

  it("moves what is on a drained host, and looks again at what failed once hosts are others", async () => {
    const [id = ""] = await running();
    const [failed = ""] = await seedProcessors(stage.db.sql, `o${n++}-`, {
      config: { resources: { cpu_request: "99000m", cpu_limit: "99000m" } },
    });
    await stage.work();
    expect(await rowOf(stage.db.sql, failed)).toMatchObject({ stage: "failed" });
    await pass();
    stage.cluster.setHost("a", { cordoned: true });
    stage.cluster.setHost("b", hostOf("b", { cpuMilli: 128_000 }));
    expect(said(await pass())).toEqual(["adopt hosts_changed", "replace host_draining"]);
    await stage.work();
    expect(await rowOf(stage.db.sql, id)).toMatchObject({ stage: "running", host_name: "b" });
    expect(await rowOf(stage.db.sql, failed)).toMatchObject({ stage: "running", host_name: "b" });
  });

  it("compares everything after a version that is too old, and finds what changed meanwhile", async () => {
    const [id = "", other = ""] = await running(2);
    stage.cluster.set(await podOf(id), undefined);
    stage.cluster.set(await podOf(other), { ready: false });
    stage.cluster.compact();
    const result = await pass();
    expect(result).toMatchObject({ complete: true });
    expect(said(result)).toEqual(["adopt evidence_changed", "create pod_missing"]);
  });

  it("finds drift that no watch told of, when everything is compared", async () => {
    const [id = "", other = "", third = ""] = await running(3);
    const { sql } = stage.db;
    await sql.query("delete from observed_pods where processor_id = $1", [id]);
    const wrong = "ready = false, content_hash = repeat('0', 32)";
    await sql.query(`update observed_pods set ${wrong} where processor_id = $1`, [other]);
    stage.cluster.pods.delete(`apps/${await podOf(third)}`);
    expect(await pass()).toMatchObject({ looked: 0 });
    await sql.query("update passes set full_at = now() - interval '11 minutes'");
    const result = await pass();
    expect(result).toMatchObject({ complete: true, looked: 3 });
    expect(said(result)).toEqual(["create pod_missing"]);
    expect(await texts(sql, "select processor_id, ready from observed_pods order by 1")).toEqual(
      [`${id} true`, `${other} true`].toSorted(),
    );
  });

  it("leaves a cluster and shard to the pass that is at it", async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    stage.cluster.around = async (method, act) => {
      if (method === "observePods") await held;
      return act();
    };
    const first = pass();
    await eventually(() => (stage.cluster.calls.observePods > 0 ? true : undefined), "the first pass observes");
    expect(await eventually(async () => ((await passOrBusy()).kind === "busy" ? true : undefined), "busy")).toBe(true);
    release();
    await first;
  });

  it("concludes nothing where the cluster does not answer, and asks each pod where a list is empty", async () => {
    const [id = ""] = await running();
    stage.cluster.around = (method, act) =>
      method === "observePods" ? Promise.reject(new ShoalError("unavailable", "no answer")) : act();
    await expect(pass()).rejects.toMatchObject({ code: "unavailable" });
    expect(await observed()).toHaveLength(1);
    expect(await knocked()).toEqual([]);

    // A list that shows nothing only makes the dispatcher look, and it sees the pod.
    stage.cluster.around = (_, act) => act();
    const pods = [...stage.cluster.pods];
    stage.cluster.pods.clear();
    stage.cluster.compact();
    await stage.db.sql.query("update passes set pods_resource_version = '0'");
    expect(said(await pass())).toEqual(["create pod_missing"]);
    for (const [name, pod] of pods) stage.cluster.pods.set(name, pod);
    await stage.work();
    expect(await rowOf(stage.db.sql, id)).toMatchObject({ stage: "running", epoch: "1" });
  });

  it("skips no transaction that commits late", async () => {
    const [id = ""] = await running();
    await besides([`update processors set ${RESTART} where id = '${id}'`], "commit", async () => {
      // A later transaction commits first, and a pass goes by.
      await seedProcessors(stage.db.sql, `o${n++}-`);
      await pass();
    });
    expect(said(await pass())).toContain("replace changed");
    expect(await knocked()).toContain(id);
  });

  it("in a dry run says the same and changes nothing, so that the next one acts", async () => {
    const [id = ""] = await running();
    stage.cluster.set(await podOf(id), undefined);
    stage.cluster.set("stray", { processorId: "prc-nobody" });
    const before = [await observed(), await texts(stage.db.sql, "select xmin from passes"), stage.cluster.writes()];
    const dry = await pass({ dryRun: true });
    expect(said(dry)).toEqual(["create pod_missing", "delete orphan"]);
    expect([await observed(), await texts(stage.db.sql, "select xmin from passes"), stage.cluster.writes()]).toEqual(
      before,
    );
    expect(await knocked()).toEqual([]);
    expect(stage.queue.asked).toEqual([]);
    expect(said(await pass())).toEqual(said(dry));
  });
});

describe("a second pass with nothing changed", () => {
  it("writes nothing: no row, no transaction id, no call that changes, and says so", async () => {
    await running(20);
    await pass();
    const writes = stage.cluster.writes();
    let statements = 0;
    let transactionId: string | null | undefined;
    const counting = between(stage.database, { before: () => (statements += 1) });
    const result = await orchestratorOver({
      ...counting,
      asWorker: (work, how) =>
        counting.asWorker(async (tx) => {
          const done = await work(tx);
          const { rows } = await sql<{
            id: string | null;
          }>`select pg_current_xact_id_if_assigned()::text as id`.execute(tx);
          transactionId = rows[0]?.id;
          return done;
        }, how),
    }).pass({ clusterId: CLUSTER, shard: 0 });
    expect(result).toMatchObject({ kind: "done", complete: false, looked: 0, actions: [], wrote: false });
    // A transaction that writes anything has an id.
    expect(transactionId).toBeNull();
    expect(stage.cluster.writes()).toBe(writes);
    // Entered, lease, cursor, changed rows; and the question above.
    expect(statements).toBe(5);
  });

  it("writes no pod after a complete list of what is known", async () => {
    await running(20);
    await pass();
    const pods = () => texts(stage.db.sql, "select name, xmin from observed_pods order by name");
    const before = await pods();
    stage.cluster.compact();
    await stage.db.sql.query("update passes set pods_resource_version = '0', hosts_resource_version = '0'");
    expect(await pass()).toMatchObject({ complete: true, looked: 0, wrote: false });
    expect(await pods()).toEqual(before);
  });

  it("is not kept from it by an old transaction that is still running", async () => {
    await running();
    await besides(["select pg_current_xact_id()"], "rollback", async () => {
      await seedProcessors(stage.db.sql, `o${n++}-`);
      await stage.work();
      await pass();
      await pass();
      expect(await pass()).toMatchObject({ wrote: false, actions: [] });
    });
  });
});
