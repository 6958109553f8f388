import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { PROCESSOR_TRANSITIONS, type ProcessorStage } from "@shoal/shared/model/processor.ts";
import type { ObservedHost } from "@shoal/shared/ports/pods.ts";
import { createPlacer } from "@shoal/functions/dispatcher/placer.ts";
import { loadRows } from "@shoal/functions/dispatcher/processor/load.ts";
import { systemClock } from "../../../support/clock.ts";
import { between } from "../../../support/road/between.ts";
import { hostOf } from "../../../support/road/cluster.ts";
import { ask, DELETE, eventsOf, RESTART, rowOf, seedProcessors, seeHosts, texts } from "../../../support/road/seed.ts";
import { setStage, type Stage } from "../../../support/road/stage.ts";

let stage: Stage;
let n = 0;
beforeAll(async () => {
  stage = await setStage();
});
beforeEach(async () => {
  await stage.db.sql.query(
    "truncate tasks; delete from hosts; update processors set terminated_at = now() where terminated_at is null",
  );
  stage.cluster.pods.clear();
  stage.cluster.around = (_, act) => act();
});
afterAll(() => stage.db.drop());

const seed = (count: number, config: object = {}) => seedProcessors(stage.db.sql, `s${n++}-`, { count, config });
const see = (...hosts: ObservedHost[]) => seeHosts(stage.database, hosts);
const used = () =>
  texts(
    stage.db.sql,
    "select host_name, sum(reserved_cpu_milli), count(*) from processors where terminated_at is null and host_name is not null group by 1 order by 1",
  );

describe("placement", () => {
  it("decides fifty at once in one transaction of four statements", async () => {
    await see(hostOf("a", { cpuMilli: 64_000, memoryMiB: 131_072 }));
    await seed(50);
    let transactions = 0;
    let statements = 0;
    const counting = between(stage.database, {
      before: (name) => {
        if (name === "transaction") transactions += 1;
        if (name === "statement") statements += 1;
      },
    });
    await stage.dispatcherOver(counting).wake();
    expect(await used()).toEqual(["a 25000 50"]);
    // Lock, hosts, reservations, commit.
    expect({ transactions, statements }).toEqual({ transactions: 1, statements: 4 });
  });

  it("fills a host to its buffer of a tenth, and leaves the rest to the cluster", async () => {
    // 4000 m less a tenth hold seven of 500 m.
    await see(hostOf("a"));
    const ids = await seed(9);
    await stage.work();
    expect(await used()).toEqual(["a 3500 7"]);
    const unplaced = stage.cluster.manifests.filter(
      ({ object, processorId }) => ids.includes(processorId) && !("nodeName" in (object["spec"] as object)),
    );
    expect(unplaced).toHaveLength(2);
  });

  it("never sets more aside than a host has, with two placers at once", async () => {
    for (let round = 0; round < 4; round++) {
      await stage.db.sql.query("delete from hosts; update processors set terminated_at = now()");
      await see(hostOf("a"), hostOf("b"), hostOf("c"));
      const ids = await seed(40);
      await stage.db.sql.query("truncate tasks; update processors set stage = 'place' where terminated_at is null");
      const rows = [...(await loadRows(stage.database, ids, { withTerminated: false })).values()];
      const one = createPlacer({ database: stage.database, clock: systemClock });
      const other = createPlacer({ database: stage.database, clock: systemClock });
      await Promise.all(rows.map((row, i) => (i % 2 === 0 ? one : other).place(row)));
      expect(await used()).toEqual(["a 3500 7", "b 3500 7", "c 3500 7"]);
    }
  });

  it("spreads over zones where it is asked to", async () => {
    await see(hostOf("a"), hostOf("b", { zone: "zone-b" }));
    const spread = [{ topology_key: "topology.kubernetes.io/zone", max_skew: 1, when_unsatisfiable: "DoNotSchedule" }];
    await stage.db.sql.query("update processor_template_versions set runtime_config_template = $1", [
      JSON.stringify({ placement: { spread } }),
    ]);
    await seed(4);
    await stage.work();
    await seed(2);
    await stage.work();
    expect(await used()).toEqual(["a 1500 3", "b 1500 3"]);
    await stage.db.sql.query("update processor_template_versions set runtime_config_template = '{}'");
  });

  it("counts pods on a host that is not seen any more, and places on the others", async () => {
    await see(hostOf("a"));
    await seed(1);
    await stage.work();
    await stage.db.sql.query("delete from hosts");
    await see(hostOf("b"));
    await seed(1);
    await stage.work();
    expect(await used()).toEqual(["a 500 1", "b 500 1"]);
  });

  it("does not place on a host that is cordoned or not ready", async () => {
    await see(hostOf("a", { cordoned: true }), hostOf("b", { ready: false }), hostOf("c"));
    await seed(3);
    await stage.work();
    expect(await used()).toEqual(["c 1500 3"]);
  });
});

describe("the guard", () => {
  it("voids a step that was decided from an old row: nothing of it is written, and it is taken again", async () => {
    await see(hostOf("a"));
    const [id = ""] = await seed(1);
    let moved = false;
    stage.cluster.around = async (method, act) => {
      const answer = await act();
      if (method === "create" && !moved) {
        moved = true;
        await stage.db.sql.query("update processors set stage = 'stop', status = 'stopping' where id = $1", [id]);
      }
      return answer;
    };
    await stage.work();
    expect(await rowOf(stage.db.sql, id)).toMatchObject({ stage: "running", epoch: "2" });
    // The pod of the voided step is never told of.
    expect(await eventsOf(stage.db.sql, id)).toEqual([
      "processor.placed Placed",
      "processor.placed Placed",
      "processor.pod_created Created",
      "processor.running PodReady",
    ]);
    expect([...stage.cluster.pods.values()].map((pod) => pod.epoch)).toEqual([2]);
  });
});

describe("status", () => {
  it("moves along documented edges only, and observed generations never pass the generation", async () => {
    const { sql } = stage.db;
    await sql.query(`create table moves (id bigint generated always as identity, before text, after text, ahead boolean);
      grant all on moves to public;
      create function note_move() returns trigger language plpgsql security definer as $$ begin
        insert into moves (before, after, ahead) values (old.stage, new.stage, new.observed_generation > new.generation);
        return new; end $$;
      create trigger note_move after update on processors for each row execute function note_move()`);
    await see(hostOf("a"));
    const ids = await seed(6);
    await stage.work();
    await ask(sql, ids[0] ?? "", RESTART);
    await ask(sql, ids[1] ?? "", DELETE);
    stage.cluster.pods.delete(`apps/${(await rowOf(sql, ids[2] ?? "")).pod_name}`);
    await ask(sql, ids[2] ?? "");
    await ask(sql, ids[3] ?? "", `config = '{"resources":{"cpu_request":"9000m","cpu_limit":"9000m"}}'`);
    await stage.work();
    await ask(sql, ids[3] ?? "", DELETE);
    await stage.work();
    const edges = new Set(
      Object.entries(PROCESSOR_TRANSITIONS).flatMap(([from, events]) =>
        Object.values(events as Partial<Record<string, ProcessorStage>>).map((to) => `${from} ${to}`),
      ),
    ).add("delete gone");
    const moves = await texts(sql, "select distinct before, after from moves where before <> after");
    expect(moves.length).toBeGreaterThan(9);
    expect(moves.filter((move) => !edges.has(move))).toEqual([]);
    expect(await texts(sql, "select id from moves where ahead")).toEqual([]);
    await sql.query("drop trigger note_move on processors");
  });
});
