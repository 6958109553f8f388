/** What Google's own client and firebase-admin see of the stand-in; against the real service the same would hold. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CloudTasksClient } from "@google-cloud/tasks";
import { deleteApp, initializeApp, type App } from "firebase-admin/app";
import { getFunctions } from "firebase-admin/functions";
import { PassThroughClient } from "google-auth-library";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { eventually } from "../../support/clock.ts";
import { startRig, type Rig } from "./server.ts";

let folder: string;
let rig: Rig;
let client: CloudTasksClient;
let parent: string;

beforeAll(async () => {
  process.env["METADATA_SERVER_DETECTION"] = "none"; // there is no metadata server, and asking takes seconds
  folder = await mkdtemp(join(tmpdir(), "shoal-tasks-"));
  rig = await startRig(folder);
  parent = rig.tasks.parent;
  client = new CloudTasksClient({
    apiEndpoint: "127.0.0.1",
    port: rig.tasks.port,
    protocol: "http",
    fallback: true,
    authClient: new PassThroughClient(),
    projectId: "demo-local",
  });
});
afterAll(async () => {
  await client.close();
  await rig.stop();
  await rm(folder, { recursive: true });
});
beforeEach(() => {
  rig.received.length = 0;
  rig.answer = () => 200;
});

const received = (n: number): Promise<true> =>
  eventually(() => (rig.received.length >= n ? true : undefined), `${n} deliveries`);
const GRPC = { invalidArgument: 3, notFound: 5, alreadyExists: 6 };

describe("@google-cloud/tasks", () => {
  const queue = (): string => `${parent}/queues/client`;
  const task = (extra: object = {}): object => ({
    httpRequest: { url: `${rig.targetUrl}/t`, httpMethod: "POST", body: Buffer.from("hello").toString("base64") },
    ...extra,
  });

  test("queues: create, get, list, update, pause, resume, purge, delete", async () => {
    const [made] = await client.createQueue({ parent, queue: { name: queue(), retryConfig: { maxAttempts: 3 } } });
    expect(made).toMatchObject({ name: queue(), state: "RUNNING", retryConfig: { maxAttempts: 3, maxDoublings: 16 } });
    expect(made.rateLimits).toMatchObject({
      maxDispatchesPerSecond: 500,
      maxBurstSize: 100,
      maxConcurrentDispatches: 1000,
    });
    expect(made.retryConfig?.minBackoff).toMatchObject({ nanos: 100_000_000 });
    await expect(client.createQueue({ parent, queue: { name: queue() } })).rejects.toMatchObject({
      code: GRPC.alreadyExists,
    });
    const [updated] = await client.updateQueue({
      queue: { name: queue(), rateLimits: { maxDispatchesPerSecond: 7 }, retryConfig: { maxAttempts: 9 } },
      updateMask: { paths: ["rate_limits.max_dispatches_per_second"] },
    });
    expect(updated).toMatchObject({ rateLimits: { maxDispatchesPerSecond: 7 }, retryConfig: { maxAttempts: 3 } });
    expect((await client.listQueues({ parent }))[0].map((each) => each.name)).toEqual([queue()]);
    expect((await client.pauseQueue({ name: queue() }))[0].state).toBe("PAUSED");
    expect((await client.getQueue({ name: queue() }))[0].state).toBe("PAUSED");
    await client.createTask({ parent: queue(), task: task() });
    expect((await client.purgeQueue({ name: queue() }))[0].purgeTime).toBeTruthy();
    expect((await client.listTasks({ parent: queue() }))[0]).toEqual([]);
    expect((await client.resumeQueue({ name: queue() }))[0].state).toBe("RUNNING");
    await client.deleteQueue({ name: queue() });
    await expect(client.getQueue({ name: queue() })).rejects.toMatchObject({ code: GRPC.notFound });
  });

  test("a task arrives with its body, the service's headers and a token that verifies", async () => {
    await client.createQueue({ parent, queue: { name: queue() } });
    const [made] = await client.createTask({
      parent: queue(),
      task: {
        name: `${queue()}/tasks/one`,
        httpRequest: {
          url: `${rig.targetUrl}/t?x=1`,
          headers: { "X-Own": "yes" },
          body: Buffer.from("hello").toString("base64"),
          oidcToken: { serviceAccountEmail: "tasks@demo-local.iam.gserviceaccount.com" },
        },
      },
    });
    expect(made).toMatchObject({
      name: `${queue()}/tasks/one`,
      httpRequest: { httpMethod: "POST", body: Buffer.alloc(0) },
    });
    await received(1);
    const [request] = rig.received;
    expect(request).toMatchObject({ path: "/t?x=1", method: "POST", body: "hello" });
    expect(request?.headers).toMatchObject({
      "x-own": "yes",
      "user-agent": "Google-Cloud-Tasks",
      "content-type": "application/octet-stream",
      "x-cloudtasks-queuename": "client",
      "x-cloudtasks-taskname": "one",
      "x-cloudtasks-taskretrycount": "0",
      "x-cloudtasks-taskexecutioncount": "0",
    });
    expect(Number(request?.headers["x-cloudtasks-tasketa"])).toBeCloseTo(Date.now() / 1000, -2);
    const keys = createRemoteJWKSet(new URL(`${rig.identity.issuer}/jwks`));
    const token = String(request?.headers.authorization).replace("Bearer ", "");
    const { payload } = await jwtVerify(token, keys, {
      issuer: rig.identity.issuer,
      audience: `${rig.targetUrl}/t?x=1`,
      algorithms: ["RS256"],
    });
    expect(payload).toMatchObject({ email: "tasks@demo-local.iam.gserviceaccount.com", email_verified: true });
  });

  test("a name is taken while the task lives and after it is done", async () => {
    const name = `${queue()}/tasks/again`;
    await client.createTask({ parent: queue(), task: task({ name }) });
    await received(1);
    await eventually(
      () =>
        client.getTask({ name }).then(
          () => undefined,
          () => true,
        ),
      "done",
    );
    await expect(client.createTask({ parent: queue(), task: task({ name }) })).rejects.toMatchObject({
      code: GRPC.alreadyExists,
    });
  });

  test("a schedule time is honoured", async () => {
    const at = Date.now() + 700;
    await client.createTask({
      parent: queue(),
      task: task({ scheduleTime: { seconds: Math.floor(at / 1000), nanos: (at % 1000) * 1e6 } }),
    });
    await received(1);
    expect(rig.received[0]?.at).toBeGreaterThanOrEqual(at);
  });

  test("a failure is retried, and the task tells of it", async () => {
    await client.updateQueue({
      queue: { name: queue(), retryConfig: { minBackoff: { seconds: 1 } } },
      updateMask: { paths: ["retry_config"] },
    });
    rig.answer = () => (rig.received.length === 1 ? 503 : 200);
    const [{ name }] = await client.createTask({ parent: queue(), task: task() });
    await received(1);
    const [failed] = await eventually(async () => {
      const got = await client.getTask({ name: name ?? "", responseView: "FULL" });
      return got[0].responseCount === 1 ? got : undefined;
    }, "the failure is recorded");
    expect(failed).toMatchObject({ dispatchCount: 1, view: "FULL", lastAttempt: { responseStatus: { code: 14 } } });
    expect(Buffer.from(failed.httpRequest?.body ?? "").toString()).toBe("hello");
    await received(2);
    expect(rig.received[1]?.headers).toMatchObject({
      "x-cloudtasks-taskretrycount": "1",
      "x-cloudtasks-taskexecutioncount": "1",
      "x-cloudtasks-taskpreviousresponse": "503",
      "x-cloudtasks-taskretryreason": "HTTP 503",
    });
  });

  test("tasks are listed in pages, run by force, deleted", async () => {
    const later = { scheduleTime: { seconds: Math.floor(Date.now() / 1000) + 3600 } };
    for (let i = 0; i < 7; i++)
      await client.createTask({ parent: queue(), task: task({ ...later, name: `${queue()}/tasks/p${i}` }) });
    const seen: string[] = [];
    for await (const each of client.listTasksAsync({ parent: queue(), pageSize: 3 }))
      seen.push(each.name?.slice(-2) ?? "");
    expect(seen).toEqual(["p0", "p1", "p2", "p3", "p4", "p5", "p6"]);
    await client.runTask({ name: `${queue()}/tasks/p3` });
    await received(1);
    expect(rig.received[0]?.headers["x-cloudtasks-taskname"]).toBe("p3");
    await client.deleteTask({ name: `${queue()}/tasks/p0` });
    await expect(client.deleteTask({ name: `${queue()}/tasks/p0` })).rejects.toMatchObject({ code: GRPC.notFound });
  });

  test("mistakes are answered in Google's words", async () => {
    await expect(client.createTask({ parent: `${parent}/queues/none`, task: task() })).rejects.toMatchObject({
      code: GRPC.notFound,
    });
    await expect(client.createTask({ parent: queue(), task: {} })).rejects.toMatchObject({
      code: GRPC.invalidArgument,
    });
    await expect(client.createTask({ parent: queue(), task: { httpRequest: { url: "ftp://x" } } })).rejects.toThrow(
      "http://",
    );
    await expect(
      client.createTask({ parent: queue(), task: task({ dispatchDeadline: { seconds: 3 } }) }),
    ).rejects.toMatchObject({ code: GRPC.invalidArgument });
    const answer = await fetch(`${rig.tasks.url}/v2/${queue()}/tasks`, { method: "POST", body: "{" });
    expect({ status: answer.status, body: await answer.json() }).toEqual({
      status: 400,
      body: { error: { code: 400, status: "INVALID_ARGUMENT", message: "Invalid JSON payload received." } },
    });
  });
});

describe("firebase-admin", () => {
  let app: App;
  beforeAll(() => {
    process.env["CLOUD_TASKS_EMULATOR_HOST"] = rig.tasks.url.replace("http://", "");
    app = initializeApp({ projectId: "demo-local" });
    rig.tasks.declareQueues({ work: { retryConfig: { maxAttempts: 2, minBackoffSeconds: 0 } } });
  });
  afterAll(async () => {
    delete process.env["CLOUD_TASKS_EMULATOR_HOST"];
    await deleteApp(app);
  });

  test("enqueues to the function of the queue's name, once per id", async () => {
    const queue = getFunctions(app).taskQueue<{ n: number }>("work");
    await queue.enqueue({ n: 1 }, { id: "one" });
    await expect(queue.enqueue({ n: 1 }, { id: "one" })).rejects.toMatchObject({
      code: "functions/task-already-exists",
    });
    await received(1);
    expect(rig.received).toMatchObject([{ path: "/work", method: "POST", body: '{"data":{"n":1}}' }]);
    expect(rig.received[0]?.headers).toMatchObject({
      "content-type": "application/json",
      "x-cloudtasks-taskname": "one",
    });
    expect(rig.received[0]?.headers.authorization).toMatch(/^Bearer ey/);
  });

  test("schedules and deletes", async () => {
    const queue = getFunctions(app).taskQueue<{ n: number }>("work");
    await queue.enqueue({ n: 2 }, { id: "late", scheduleDelaySeconds: 3600 });
    expect(rig.tasks.state.getTask(`${parent}/queues/work/tasks/late`).scheduleTime).toBeGreaterThan(
      Date.now() + 3_500_000,
    );
    await queue.delete("late");
    expect(() => rig.tasks.state.getTask(`${parent}/queues/work/tasks/late`)).toThrow("not found");
    await queue.delete("never-was");
  });
});
