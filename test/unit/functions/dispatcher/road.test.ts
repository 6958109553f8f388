import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { hostOf, scriptedCluster } from "../../../support/road/cluster.ts";
import {
  activationsOf,
  ask,
  DELETE,
  eventsOf,
  operationsOf,
  RESTART,
  rowOf,
  seedProcessors,
  seeHosts,
} from "../../../support/road/seed.ts";
import { setStage, type Stage } from "../../../support/road/stage.ts";

let stage: Stage;
let n = 0;
let id = "";
beforeAll(async () => {
  stage = await setStage();
  await seeHosts(stage.database, [hostOf("host-1"), hostOf("host-2")]);
});
beforeEach(async () => {
  const { db, cluster } = stage;
  await db.sql.query("update processors set terminated_at = now() where terminated_at is null");
  await db.sql.query("truncate tasks");
  cluster.pods.clear();
  Object.assign(cluster, { quick: true, refusal: undefined, around: scriptedCluster().around });
  await db.sql.query("update hosts set cordoned = false");
  id = (await seedProcessors(db.sql, `r${n++}-`))[0] ?? "";
});
afterAll(() => stage.db.drop());

const row = () => rowOf(stage.db.sql, id);
const events = () => eventsOf(stage.db.sql, id);
const operations = () => operationsOf(stage.db.sql, id);
const activations = () => activationsOf(stage.db.sql, id);
const reaches = (at: string, reason?: string) =>
  stage.workUntil(
    async () => {
      const now = await row();
      return now.stage === at && (reason === undefined || now.conditions.some((one) => one.reason === reason));
    },
    `${at} ${reason ?? ""}`,
  );
const knock = () => ask(stage.db.sql, id);
const look = async (): Promise<void> => {
  await stage.db.sql.query(
    "insert into tasks (kind, key, organisation_id) select 'processor', id, organisation_id from processors where id = $1 on conflict do nothing",
    [id],
  );
  await stage.work();
};
const pods = () => [...stage.cluster.pods.values()].filter(({ processorId }) => processorId === id);
const longAgo = (minutes: number) =>
  stage.db.sql.query("update processors set stage_since = now() - $2 * interval '1 minute' where id = $1", [
    id,
    minutes,
  ]);
const reasonOf = async (type: string) => (await row()).conditions.find((one) => one.type === type)?.reason;
const CREATED = ["processor.placed Placed", "processor.pod_created Created", "processor.running PodReady"];
const REPLACED = (reason: string) => [`processor.replacing ${reason}`, ...CREATED];

describe("a processor's road", () => {
  it("leads from accept to running, told once, with one pod and one activation", async () => {
    await stage.work();
    const now = await row();
    expect(now).toMatchObject({ stage: "running", status: "running", epoch: "1", observed_generation: "1" });
    expect(now).toMatchObject({ health_status: "healthy", host_name: "host-1", reserved_cpu_milli: 500 });
    expect(pods().map((pod) => [pod.name, pod.uid])).toEqual([[now.pod_name, now.pod_uid]]);
    expect(now.conditions.map((one) => `${one.type} ${one.status}`)).toEqual([
      "Accepted True",
      "Placed True",
      "PodCreated True",
      "Ready True",
    ]);
    expect(await events()).toEqual(CREATED);
    expect(await operations()).toEqual(["1 succeeded "]);
    expect(await activations()).toEqual(["1 Created live"]);
  });

  it("ends in gone: pod told to go, capacity given back, what went with it forgotten", async () => {
    await stage.work();
    const before = stage.cluster.calls.forget;
    await ask(stage.db.sql, id, DELETE);
    await stage.work();
    expect(await row()).toMatchObject({ stage: "gone", status: "terminated", reserved_cpu_milli: 0, pod_name: null });
    expect((await row()).terminated_at).not.toBeNull();
    expect(pods()).toEqual([]);
    expect(stage.cluster.calls.forget - before).toBe(1);
    expect(await events()).toEqual([...CREATED, "processor.stopping Deleting", "processor.terminated Deleted"]);
    expect(await operations()).toEqual(["1 succeeded ", "2 succeeded "]);
    expect(await activations()).toEqual(["1 Created ended"]);
  });

  it("takes a changed configuration and a restart as a new pod under the next epoch", async () => {
    await stage.work();
    await ask(stage.db.sql, id, `config = '{"resources":{"cpu_request":"700m"}}'`);
    await stage.work();
    expect(await row()).toMatchObject({
      stage: "running",
      epoch: "2",
      observed_generation: "2",
      reserved_cpu_milli: 700,
    });
    await ask(stage.db.sql, id, RESTART);
    await stage.work();
    expect(await row()).toMatchObject({ stage: "running", epoch: "3", observed_generation: "3" });
    expect(pods()).toHaveLength(1);
    expect(await events()).toEqual([...CREATED, ...REPLACED("Changed"), ...REPLACED("Changed")]);
    expect(await operations()).toEqual(["1 succeeded ", "2 succeeded ", "3 succeeded "]);
    expect((await activations()).map((one) => one.split(" ").at(-1))).toEqual(["ended", "ended", "live"]);
  });

  it("settles a change that makes no other pod without touching it", async () => {
    await stage.work();
    const writes = stage.cluster.writes();
    await knock();
    await stage.work();
    expect(await row()).toMatchObject({ stage: "running", epoch: "1", observed_generation: "2" });
    expect(await operations()).toEqual(["1 succeeded ", "2 succeeded "]);
    expect(stage.cluster.writes()).toBe(writes);
  });

  it.each([
    ["PodMissing", () => stage.cluster.pods.clear()],
    ["PodFailed", (name: string) => stage.cluster.set(name, { phase: "Failed", reason: "Evicted" })],
    ["PodDeleted", (name: string) => stage.cluster.set(name, { deleting: true })],
  ])("replaces a pod that is lost: %s", async (reason, lose) => {
    await stage.work();
    lose((await row()).pod_name ?? "");
    await look();
    expect(await row()).toMatchObject({ stage: "running", epoch: "2" });
    expect(pods()).toHaveLength(1);
    expect(await events()).toEqual([...CREATED, ...REPLACED(reason)]);
    expect(await activations()).toEqual(["1 Created ended", `2 ${reason} live`]);
  });

  it("leaves a host that is drained", async () => {
    await stage.work();
    await stage.db.sql.query("update hosts set cordoned = true where name = 'host-1'");
    await look();
    expect(await row()).toMatchObject({ stage: "running", epoch: "2", host_name: "host-2" });
    expect(await activations()).toEqual(["1 Created ended", "2 HostDraining live"]);
  });

  it("never touches a pod that took the name", async () => {
    await stage.work();
    const name = (await row()).pod_name ?? "";
    stage.cluster.set(name, { uid: "theirs", processorId: "prc-other" });
    await look();
    expect(await row()).toMatchObject({ stage: "running", epoch: "2" });
    expect(stage.cluster.pods.get(`apps/${name}`)?.uid).toBe("theirs");
  });

  it("takes the next epoch where the name is taken before it creates, and leaves the other pod alone", async () => {
    const name = `${id.replace("prc-", "p")}-${id.slice(-6)}-1`;
    stage.cluster.set(name, { uid: "theirs", processorId: "prc-other" });
    await stage.work();
    expect(await row()).toMatchObject({ stage: "running", epoch: "2" });
    expect(stage.cluster.pods.get(`apps/${name}`)?.uid).toBe("theirs");
  });

  it("tells a pod's health, and each change of it once", async () => {
    await stage.work();
    const name = (await row()).pod_name ?? "";
    stage.cluster.set(name, { ready: false, reason: "CrashLoopBackOff", message: "back-off" });
    await look();
    await look();
    expect(await row()).toMatchObject({ stage: "running", health_status: "unhealthy" });
    stage.cluster.set(name, { ready: true, reason: "", message: "" });
    await look();
    expect(await row()).toMatchObject({ stage: "running", health_status: "healthy" });
    expect((await events()).slice(3)).toEqual(["processor.unhealthy CrashLoopBackOff", "processor.healthy PodReady"]);
  });
});

describe("what does not work", () => {
  it("says what a pod waits for, and replaces one that is not ready in time", async () => {
    stage.cluster.quick = false;
    await reaches("ready");
    stage.cluster.set((await row()).pod_name ?? "", { reason: "ImagePullBackOff", message: "no such image" });
    await reaches("ready", "ImagePullBackOff");
    expect(await row()).toMatchObject({ status: "starting" });
    await longAgo(6);
    stage.cluster.quick = true;
    await look();
    expect(await row()).toMatchObject({ stage: "running", epoch: "2" });
    expect(await operations()).toEqual(["1 failed deadline_exceeded"]);
    expect(await events()).toContain("processor.unready ReadyTimeout");
  });

  it("gives up a creation that the cluster did not take in time", async () => {
    stage.cluster.around = (method, act) =>
      method === "create" ? Promise.reject(new ShoalError("unavailable", "no answer")) : act();
    await reaches("create", "ClusterUnavailable");
    expect(await row()).toMatchObject({ epoch: "1" });
    expect((await row()).conditions.find((one) => one.type === "PodCreated")).toMatchObject({
      status: "Unknown",
      message: "no answer",
    });
    stage.cluster.around = scriptedCluster().around;
    await longAgo(3);
    await stage.db.sql.query("update tasks set run_at = now()");
    await stage.work();
    expect(await row()).toMatchObject({ stage: "running", epoch: "2" });
    expect((await activations())[0]).toBe("1 Created ended");
    expect(await operations()).toEqual(["1 failed deadline_exceeded"]);
    expect(await events()).toContain("processor.unready CreateTimeout");
  });

  it("tells whoever waits that pods fail over and over before any is ready, and goes on trying", async () => {
    stage.cluster.around = async (method, act) => {
      const answer = await act();
      if (method === "create")
        for (const { name } of pods()) stage.cluster.set(name, { phase: "Failed", reason: "OutOfcpu" });
      return answer;
    };
    // The first failure is made good at once; each one after it is put off.
    for (let failures = 1; failures <= 5; failures++) {
      expect(await operations()).not.toEqual(["1 failed unavailable"]);
      await stage.workUntil(
        async () => Number((await row()).epoch) === failures + 1 && (await reasonOf("Placed")) === "BackingOff",
        `put off after ${failures + 1} pods`,
      );
      await longAgo(6);
      await stage.db.sql.query("update tasks set run_at = now()");
    }
    expect(await operations()).toEqual(["1 failed unavailable"]);
    stage.cluster.around = scriptedCluster().around;
    await longAgo(6);
    await stage.db.sql.query("update tasks set run_at = now()");
    await stage.work();
    expect(await row()).toMatchObject({ stage: "running" });
  });

  it("fails where the API refuses the pod, holds nothing, and tries again with another intent", async () => {
    stage.cluster.refusal = new ShoalError("invalid_argument", "spec.containers[0].image: bad");
    await stage.work();
    expect(await row()).toMatchObject({
      stage: "failed",
      status: "failed",
      reserved_cpu_milli: 0,
      observed_generation: "1",
    });
    expect(await operations()).toEqual(["1 failed invalid_argument"]);
    expect(await activations()).toEqual(["1 Created ended"]);
    stage.cluster.refusal = undefined;
    await look();
    expect(await row()).toMatchObject({ stage: "failed" });
    await ask(stage.db.sql, id, RESTART);
    await stage.work();
    expect(await row()).toMatchObject({ stage: "running", epoch: "2", observed_generation: "2" });
  });

  it("fails what no host could ever hold, and takes it up when one could", async () => {
    await ask(stage.db.sql, id, `config = '{"resources":{"cpu_request":"9000m","cpu_limit":"9000m"}}'`);
    await stage.work();
    expect(await row()).toMatchObject({ stage: "failed", epoch: "0" });
    expect(await reasonOf("Placed")).toBe("Unsatisfiable");
    await look();
    expect(await row()).toMatchObject({ stage: "failed" });
    await seeHosts(stage.database, [hostOf("host-big", { cpuMilli: 16_000 })]);
    await look();
    expect(await row()).toMatchObject({ stage: "running", host_name: "host-big" });
    await stage.db.sql.query("delete from hosts where name = 'host-big'");
  });

  it("names the field of a configuration that is none", async () => {
    await ask(stage.db.sql, id, `config = '{"resources":{"cpu_request":"much"}}'`);
    await stage.work();
    const accepted = (await row()).conditions.find((one) => one.type === "Accepted");
    expect(accepted).toMatchObject({ status: "False", reason: "InvalidConfig" });
    expect(accepted?.message).toContain("resources.cpu_request");
    expect(await operations()).toEqual(["1 failed invalid_argument", "2 failed invalid_argument"]);
  });

  it("waits where no host has been seen yet", async () => {
    await stage.db.sql.query("create table kept as select * from hosts; delete from hosts");
    await stage.work();
    expect(await row()).toMatchObject({ stage: "place" });
    expect(await reasonOf("Placed")).toBe("NoHostsKnown");
    expect(await operations()).toEqual(["1 running "]);
    await longAgo(16);
    await stage.db.sql.query("update tasks set run_at = now()");
    await stage.work();
    expect(await operations()).toEqual(["1 failed deadline_exceeded"]);
    await stage.db.sql.query("insert into hosts select * from kept; drop table kept; update tasks set run_at = now()");
    await stage.work();
    expect(await row()).toMatchObject({ stage: "running" });
  });

  it("puts the next pod off longer with each that failed", async () => {
    await stage.work();
    const delays: number[] = [];
    for (let i = 0; i < 4; i++) {
      stage.cluster.set((await row()).pod_name ?? "", { phase: "Failed", reason: "Error" });
      await look();
      const { rows } = await stage.db.sql.query<{ s: number }>(
        "select coalesce(max(extract(epoch from t.run_at - p.stage_since)), 0)::float8 as s from tasks t join processors p on p.id = t.key",
      );
      delays.push(Math.round(rows[0]?.s ?? 0));
      if ((await row()).stage !== "place") continue;
      expect(await reasonOf("Placed")).toBe("BackingOff");
      await longAgo(6);
      await stage.db.sql.query("update tasks set run_at = now()");
      await stage.work();
      expect(await row()).toMatchObject({ stage: "running" });
    }
    // The first comes back at once; what follows waits 2, 4 and 8 s.
    expect(delays.slice(2)).toEqual([4, 8]);
  });

  it("says that a deletion is stuck, and ends once the pod is gone", async () => {
    await stage.work();
    stage.cluster.quick = false;
    await ask(stage.db.sql, id, DELETE);
    await reaches("delete");
    await longAgo(6);
    await reaches("delete", "DeletionStuck");
    stage.cluster.pods.clear();
    await stage.db.sql.query("update tasks set run_at = now()");
    await stage.work();
    expect(await row()).toMatchObject({ stage: "gone" });
  });
});
