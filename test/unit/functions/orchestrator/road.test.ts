/** The whole road with nothing scripted: PostgreSQL, the adapter, an API with kubelets behind it, and pods that are processes. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { createPods } from "@shoal/functions/adapters/kubernetes/pods/index.ts";
import { deleteObject, DISRUPTION_BUDGETS, PODS } from "@shoal/functions/adapters/kubernetes/resources.ts";
import { listObjects } from "@shoal/functions/adapters/kubernetes/list.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import { createDispatcher, type Dispatcher } from "@shoal/functions/dispatcher/dispatcher.ts";
import { createOrchestrator } from "@shoal/functions/orchestrator/pass.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { Secret } from "@shoal/shared/base/secret.ts";
import { startHarness, type Harness } from "../../../conformance/cluster/harness.ts";
import { eventually, systemClock } from "../../../support/clock.ts";
import { testDatabase, type TestDatabase } from "../../../support/postgres.ts";
import { recordingQueue } from "../../../support/road/queue.ts";
import { activationsOf, ask, CLUSTER, DELETE, rowOf, seedProcessors, seedWorld } from "../../../support/road/seed.ts";

let harness: Harness;
let db: TestDatabase;
let dispatcher: Dispatcher;
let orchestrator: ReturnType<typeof createOrchestrator>;
beforeAll(async () => {
  harness = await startHarness();
  await harness.startHere();
  db = await testDatabase();
  const [image, digest] = harness.image.split("@");
  await seedWorld(db.sql, image, digest);
  const init = {
    database: db.open(),
    pods: createPods({
      client: harness.client,
      clock: systemClock,
      log: silentLog,
      secrets: { stateToken: new Secret("state"), rabbitmqUrl: undefined },
    }),
    queue: recordingQueue(),
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    imagePullSecret: "pull",
    clusterId: CLUSTER,
  };
  dispatcher = createDispatcher(init);
  orchestrator = createOrchestrator(init);
});
afterAll(async () => {
  await harness.close();
  await db.drop();
});

/** Passes and wake-ups as slots and tasks bring them, until the row is so. */
const reaches = (id: string, check: (row: Awaited<ReturnType<typeof rowOf>>) => boolean, what: string) =>
  eventually(async () => {
    await orchestrator.pass({ clusterId: CLUSTER, shard: 0 });
    const end = new AbortController();
    const working = dispatcher.wake(end.signal);
    const row = await eventually(async () => {
      const now = await rowOf(db.sql, id);
      const left = await db.sql.query("select from tasks where run_at < now() + interval '1 s'");
      return check(now) || left.rowCount === 0 ? now : undefined;
    }, what).finally(() => end.abort());
    await working;
    return check(row) ? row : undefined;
  }, what);
const names = async () =>
  (
    await listObjects(harness.client, PODS, { labelSelector: "managed-by=dory-orchestrator", project: (pod) => pod })
  ).items.map((pod) => pod.metadata.name);

it("leads from a row to a pod that answers, back after the pod was deleted by hand, and to nothing left behind", async () => {
  // Hosts are seen before anybody can be placed.
  await eventually(async () => {
    await orchestrator.pass({ clusterId: CLUSTER, shard: 0 });
    const { rowCount } = await db.sql.query("select from hosts where ready");
    return (rowCount ?? 0) >= 2 ? true : undefined;
  }, "hosts are seen");
  const [id = ""] = await seedProcessors(db.sql, "road-");

  const first = await reaches(id, (row) => row.stage === "running", "running");
  const { rows } = await db.sql.query<{ pod_ip: string }>("select pod_ip from processors where id = $1", [id]);
  expect((await fetch(`http://${rows[0]?.pod_ip}:8080/ready`)).status).toBe(200);
  expect(await names()).toEqual([first.pod_name]);

  await deleteObject(harness.client, PODS, { namespace: "apps", name: first.pod_name ?? "" }, { graceSeconds: 0 });
  const second = await reaches(id, (row) => row.stage === "running" && row.epoch === "2", "running again");
  expect(second.pod_uid).not.toBe(first.pod_uid);
  expect(await names()).toEqual([second.pod_name]);
  expect((await activationsOf(db.sql, id)).map((one) => one.split(" ").at(-1))).toEqual(["ended", "live"]);

  await ask(db.sql, id, DELETE);
  await reaches(id, (row) => row.terminated_at !== null, "gone");
  expect(await names()).toEqual([]);
  const budgets = await listObjects(harness.client, DISRUPTION_BUDGETS, { namespace: "apps", project: (one) => one });
  expect(budgets.items).toEqual([]);

  // What is left of it in the store goes as well, and then nothing is written any more.
  await eventually(async () => {
    const result = await orchestrator.pass({ clusterId: CLUSTER, shard: 0 });
    return result.kind === "done" && !result.wrote ? true : undefined;
  }, "a quiet pass");
  expect((await db.sql.query("select from observed_pods")).rowCount).toBe(0);
});
