/**
 * Fail every step, repeat every step: each call of the cluster and each statement of the database fails once, before it
 * took effect or after, and the road has to end where it would have ended. The points are those of a run without faults, so a
 * new step is covered without writing a test.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { between } from "../../../support/road/between.ts";
import { hostOf } from "../../../support/road/cluster.ts";
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
beforeAll(async () => {
  stage = await setStage();
  await seeHosts(stage.database, [hostOf("host-1"), hostOf("host-2")]);
});
afterAll(() => stage.db.drop());

type Moment = "before" | "after";
/** The engine asks these as often as time lets it; the first few are all that differ. */
const POLLS = new Set(["tasks-claim", "tasks-next-due"]);
const POLLS_TRIED = 3;
let runs = 0;

interface Ride {
  readonly points: readonly string[];
  readonly hit: boolean;
  readonly story: unknown;
}

/** Drives one processor through `changes`, failing the point of that name and number once. */
async function ride(
  changes: readonly string[],
  fault?: { readonly point: string; readonly moment: Moment },
): Promise<Ride> {
  const { db, cluster } = stage;
  await db.sql.query("truncate tasks; update processors set terminated_at = now() where terminated_at is null");
  cluster.pods.clear();
  const points: string[] = [];
  const seen = new Map<string, number>();
  let hit = false;
  const reach = (name: string): string => {
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    const point = `${name} ${count}`;
    if (!POLLS.has(name) || count <= POLLS_TRIED) points.push(point);
    return point;
  };
  const failIf = (point: string | undefined, moment: Moment): void => {
    if (hit || point === undefined || fault?.point !== point || fault.moment !== moment) return;
    hit = true;
    throw new ShoalError("unavailable", `${point} failed ${moment}`);
  };
  // Statements of one name never overlap here, since there is one processor.
  const now = new Map<string, string>();
  const watched = between(stage.database, {
    before: (name) => {
      now.set(name, reach(name));
      failIf(now.get(name), "before");
    },
    after: (name) => failIf(now.get(name), "after"),
  });
  cluster.around = async (method, act) => {
    const point = reach(method);
    failIf(point, "before");
    const result = await act();
    failIf(point, "after");
    return result;
  };
  const dispatcher = stage.dispatcherOver(watched);
  const work = async (): Promise<void> => {
    const failed = await dispatcher.wake().then(
      () => false,
      () => true,
    );
    if (!failed) return;
    // The next wake-up comes, and the leases of the one that failed have run out by then.
    await db.sql.query(
      "update tasks set lease_until = now() - interval '1 s', run_at = now() where lease_until is not null",
    );
    await dispatcher.wake();
  };
  const id = (await seedProcessors(db.sql, `f${runs++}-`))[0] ?? "";
  await work();
  for (const change of changes) {
    await ask(db.sql, id, change);
    await work();
  }
  const row = await rowOf(db.sql, id);
  const pods = [...cluster.pods.values()].filter((pod) => pod.processorId === id);
  const story = {
    row: [row.stage, row.status, row.epoch, row.generation, row.observed_generation, row.reserved_cpu_milli],
    pods: pods.map((pod) => [pod.epoch, pod.uid === row.pod_uid]),
    events: await eventsOf(db.sql, id),
    operations: await operationsOf(db.sql, id),
    activations: await activationsOf(db.sql, id),
    left: (await db.sql.query("select from tasks")).rowCount,
  };
  return { points, hit, story };
}

describe.each([
  { name: "to running", changes: [] },
  { name: "through a restart to the end", changes: [RESTART, DELETE] },
])("the road $name", ({ changes }) => {
  it("ends the same, whatever fails once, before or after it took effect", async () => {
    const clean = await ride(changes);
    expect(clean.points.length).toBeGreaterThan(15);
    const missed: string[] = [];
    for (const point of new Set(clean.points)) {
      for (const moment of ["before", "after"] as const) {
        const { hit, story } = await ride(changes, { point, moment });
        if (!hit) missed.push(`${point} ${moment}`);
        expect(story, `${point} failed ${moment}`).toEqual(clean.story);
      }
    }
    expect(missed.filter((point) => ![...POLLS].some((poll) => point.startsWith(poll)))).toEqual([]);
  });
});

describe("wake-ups", () => {
  it("may come twice, and to two dispatchers at once", async () => {
    const { db, cluster } = stage;
    cluster.around = (_, act) => act();
    const ids = await seedProcessors(db.sql, `w${runs++}-`, { count: 12 });
    const dispatchers = [stage.dispatcherOver(stage.database), stage.dispatcherOver(stage.database)];
    await Promise.all([...dispatchers, ...dispatchers].map((dispatcher) => dispatcher.wake()));
    for (const id of ids) {
      expect(await rowOf(db.sql, id)).toMatchObject({ stage: "running", epoch: "1" });
      expect(await eventsOf(db.sql, id)).toHaveLength(3);
    }
  });

  it("that come while a run ends are not lost", async () => {
    const { db, queue } = stage;
    const dispatcher = stage.dispatcherOver(stage.database);
    await seedProcessors(db.sql, `w${runs++}-`);
    let second: Promise<unknown> | undefined;
    let late = "";
    // The run is over and asks for what comes next: whoever knocks now has to be heard.
    queue.heard = async () => {
      if (late !== "") return;
      late = (await seedProcessors(db.sql, `w${runs++}-`))[0] ?? "";
      second = dispatcher.wake();
    };
    await dispatcher.wake();
    await second;
    expect(await rowOf(db.sql, late)).toMatchObject({ stage: "running" });
  });
});
