import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createTick } from "@shoal/functions/orchestrator/tick.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { timestamp } from "@shoal/shared/base/time.ts";
import { between } from "../../../support/road/between.ts";
import { recordingQueue } from "../../../support/road/queue.ts";
import { CLUSTER, seedProcessors, texts } from "../../../support/road/seed.ts";
import { setStage, type Stage } from "../../../support/road/stage.ts";

let stage: Stage;
let n = 0;
let queue = recordingQueue();
beforeAll(async () => {
  stage = await setStage();
});
beforeEach(async () => {
  queue = recordingQueue();
  await stage.db.sql.query("truncate tasks, events, idempotency_keys; update processors set terminated_at = now()");
});
afterAll(() => stage.db.drop());

const tickAt = (ms: number, database = between(stage.database, {})) =>
  createTick({
    database,
    queue,
    clock: { now: () => timestamp(ms) },
    log: silentLog,
    cluster: { name: CLUSTER, namespace: "apps" },
  });
const knocked = () => texts(stage.db.sql, "select key from tasks order by key");
const count = async (table: string) => Number((await texts(stage.db.sql, `select count(*) from ${table}`))[0]);

describe("the tick", () => {
  it("asks for the passes of its two slots, once however often it runs in that minute", async () => {
    await tickAt(120_000).run();
    await tickAt(121_500).run();
    const asked = queue.asked.filter((one) => one.queue === "reconcile");
    expect(asked.map((one) => one.notBefore)).toEqual([120_000, 150_000]);
    expect(asked.map((one) => one.data)).toEqual([0, 1].map(() => ({ cluster: CLUSTER, shard: 0 })));
    await tickAt(180_000).run();
    expect(queue.asked.filter((one) => one.queue === "reconcile")).toHaveLength(4);
  });

  it("knocks at a processor that nobody looks at, and wakes the dispatcher", async () => {
    const [lost = "", fresh = "", known = "", idle = ""] = await seedProcessors(stage.db.sql, `t${n++}-`, { count: 4 });
    await stage.db.sql.query("delete from tasks where key <> $1", [known]);
    const age = "stage_since = now() - interval '31 seconds'";
    await stage.db.sql.query(`update processors set ${age} where id <> $1`, [fresh]);
    await stage.db.sql.query("update processors set stage = 'running' where id = $1", [idle]);
    await tickAt(0).run();
    expect(await knocked()).toEqual([lost, known].toSorted());
    expect(queue.asked.map((one) => one.queue)).toContain("dispatch");
  });

  it("wakes nobody where nothing is due", async () => {
    await tickAt(0).run();
    expect(queue.asked.map((one) => one.queue)).toEqual(["reconcile", "reconcile"]);
  });

  it("forgets what is old in bounded steps, and keeps what is not", async () => {
    await stage.db.sql.query(
      `insert into events (organisation_id, kind, resource_kind, resource_id, at)
        select o.id, 'k', 'r', 'x', now() - i * interval '31 days' from organisations o, generate_series(0, 1) as i, generate_series(1, 6000)`,
    );
    await tickAt(0).run();
    expect(await count("events")).toBe(7000);
    await tickAt(0).run();
    expect(await count("events")).toBe(6000);
  });

  it("tries each part whatever becomes of the others, and fails in the end so that it is run again", async () => {
    const [lost = ""] = await seedProcessors(stage.db.sql, `t${n++}-`);
    await stage.db.sql.query("truncate tasks; update processors set stage_since = now() - interval '31 seconds'");
    queue.fails = new ShoalError("unavailable", "no queue");
    await expect(tickAt(0).run()).rejects.toMatchObject({ code: "unavailable" });
    expect(await knocked()).toEqual([lost]);

    queue.fails = undefined;
    const broken = between(stage.database, {
      before: (name) => {
        if (name === "tasks-sweep" || name === "transaction") throw new ShoalError("unavailable", "no database");
      },
    });
    await expect(tickAt(0, broken).run()).rejects.toThrow("cluster, sweep");
    expect(queue.asked.map((one) => one.queue)).toEqual(["reconcile", "reconcile"]);
  });

  it("makes the cluster's row where it is missing", async () => {
    const before = await count("clusters");
    const tick = createTick({
      database: stage.database,
      queue,
      clock: { now: () => timestamp(0) },
      log: silentLog,
      cluster: { name: "another", namespace: "apps" },
    });
    await tick.run();
    await tick.run();
    expect(await count("clusters")).toBe(before + 1);
  });
});
