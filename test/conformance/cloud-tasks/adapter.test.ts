/** The queue port, by the adapter that functions use: the wire of the service, end to end. */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { metadataAccessToken } from "@shoal/functions/adapters/cloud-tasks/access-token.ts";
import { createCloudTasksQueue, type CloudTasksQueueConfig } from "@shoal/functions/adapters/cloud-tasks/queue.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import type { Queue } from "@shoal/shared/ports/queue.ts";
import { milliseconds, plus } from "@shoal/shared/base/time.ts";
import { eventually } from "../../support/clock.ts";
import { startRig, type Rig } from "./server.ts";

const base: Omit<CloudTasksQueueConfig, "endpoint"> = {
  project: "demo-local",
  location: "us-central1",
  serviceAccountEmail: "tasks@demo-local.iam.gserviceaccount.com",
};

describe.each(["the adapter over the wire", "the port in process"])("%s", (face) => {
  let folder: string;
  let rig: Rig;
  let queue: Queue;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "shoal-tasks-"));
    rig = await startRig(folder);
    rig.tasks.declareQueues({ dispatch: {}, reconcile: {} });
    queue = face.startsWith("the adapter")
      ? createCloudTasksQueue({ ...base, endpoint: rig.tasks.url })
      : rig.tasks.queue;
  });
  afterAll(async () => {
    await rig.stop();
    await rm(folder, { recursive: true });
  });

  test("wakes the function of the queue's name, not before its time; a duplicate is a success", async () => {
    const notBefore = plus(systemClock.now(), milliseconds(300));
    const wakeUp = { queue: "reconcile", taskId: "slot-7", notBefore, data: { shard: 1, cluster: "c" } } as const;
    expect([await queue.wake(wakeUp), await queue.wake(wakeUp)]).toEqual(["created", "duplicate"]);
    await eventually(() => rig.received[0], "delivery");
    expect(rig.received).toMatchObject([
      { path: "/reconcile", method: "POST", body: '{"data":{"shard":1,"cluster":"c"}}' },
    ]);
    expect(rig.received[0]?.at).toBeGreaterThanOrEqual(notBefore);
    expect(await queue.wake(wakeUp)).toBe("duplicate");
  });

  test("wakes without an id as often as it is asked to", async () => {
    rig.received.length = 0;
    await queue.wake({ queue: "dispatch", data: {} });
    await queue.wake({ queue: "dispatch", data: {} });
    await eventually(() => rig.received[1], "both");
  });
});

describe("against a service that fails", () => {
  let answers: ((request: IncomingMessage, response: ServerResponse) => void)[];
  let asked: string[];
  let endpoint: string;
  const server = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers.authorization ?? ""}`.trim());
    request.resume();
    request.on("end", () => (answers.shift() ?? ((_, last) => last.writeHead(200).end("{}")))(request, response));
  });
  const reply =
    (status: number, body: object) =>
    (_: IncomingMessage, response: ServerResponse): void =>
      void response.writeHead(status).end(JSON.stringify(body));
  beforeAll(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    [answers, asked] = [[], []];
  });
  const wakeUp = { queue: "dispatch", data: {} } as const;

  test("says whose fault it is, and tries an outage once more", async () => {
    const queue = createCloudTasksQueue({ ...base, endpoint });
    answers = [reply(503, {})];
    expect(await queue.wake(wakeUp)).toBe("created");
    answers = [reply(503, {}), reply(503, { error: { message: "busy" } })];
    await expect(queue.wake(wakeUp)).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("busy"),
    });
    answers = [reply(403, { error: { message: "no permission" } })];
    await expect(queue.wake(wakeUp)).rejects.toMatchObject({
      code: "internal",
      message: expect.stringContaining("no permission"),
    });
    expect(asked).toHaveLength(5);
    const gone = createCloudTasksQueue({ ...base, endpoint: "http://127.0.0.1:1" });
    await expect(gone.wake(wakeUp)).rejects.toMatchObject({ code: "unavailable" });
    answers = [() => undefined, () => undefined];
    const silent = createCloudTasksQueue({ ...base, endpoint, timeoutMs: 50 });
    await expect(silent.wake(wakeUp)).rejects.toMatchObject({ code: "unavailable" });
  });

  test("asks for an access token once, and anew when it is refused", async () => {
    const token = (name: string) => reply(200, { access_token: name, expires_in: 3600, token_type: "Bearer" });
    const queue = createCloudTasksQueue({
      ...base,
      endpoint: `${endpoint}/v2`,
      accessToken: metadataAccessToken(systemClock, endpoint),
    });
    answers = [token("first")];
    await queue.wake(wakeUp);
    await queue.wake(wakeUp);
    const tasks = "/v2/projects/demo-local/locations/us-central1/queues/dispatch/tasks";
    const metadata = "/computeMetadata/v1/instance/service-accounts/default/token";
    expect(asked).toEqual([metadata, `${tasks} Bearer first`, `${tasks} Bearer first`]);
    asked.length = 0;
    answers = [reply(401, {}), token("second")];
    expect(await queue.wake(wakeUp)).toBe("created");
    expect(asked).toEqual([`${tasks} Bearer first`, metadata, `${tasks} Bearer second`]);
  });

  afterEach(() => server.closeAllConnections());
});
