import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { headersOf } from "@shoal/emulator/cloud-tasks/call.ts";
import { createQueuePort } from "@shoal/emulator/cloud-tasks/port.ts";
import type { Answer } from "@shoal/emulator/cloud-tasks/pump.ts";
import { queueFromManifest, queueFromWire } from "@shoal/emulator/cloud-tasks/queue.ts";
import { backoffOf, isExhausted } from "@shoal/emulator/cloud-tasks/retry.ts";
import { createCloudTasksState, type CloudTasksState } from "@shoal/emulator/cloud-tasks/state.ts";
import type { TaskRecord } from "@shoal/emulator/cloud-tasks/task.ts";
import type { Json } from "@shoal/emulator/cloud-tasks/wire.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { hours, minutes, plus, seconds, timestamp, toIso } from "@shoal/shared/base/time.ts";
import { createVirtualClock, ms, type VirtualClock } from "../../../support/virtual-clock.ts";

const PARENT = "projects/p/locations/l";
const QUEUE = `${PARENT}/queues/work`;

interface Delivery {
  readonly at: number;
  readonly task: TaskRecord;
  readonly signal: AbortSignal;
}

let clock: VirtualClock;
let state: CloudTasksState;
let deliveries: Delivery[];
let behave: (delivery: Delivery) => Promise<Answer>;
const start = 1_800_000_000_000;
const done: Answer = { status: 200, reason: "HTTP 200" };
const broken: Answer = { status: 500, reason: "HTTP 500" };

function open(journalPath?: string): CloudTasksState {
  const opened = createCloudTasksState({
    clock,
    log: silentLog,
    send: (task, signal) => {
      const delivery = { at: clock.now() - start, task, signal };
      deliveries.push(delivery);
      return behave(delivery);
    },
    ...(journalPath === undefined ? {} : { journalPath }),
  });
  opened.start();
  return opened;
}

beforeEach(() => {
  clock = createVirtualClock(timestamp(start));
  deliveries = [];
  behave = async () => done;
  state = open();
});
afterEach(() => state.stop());

const queue = (json: Json = {}): void => void state.createQueue(queueFromWire(QUEUE, json));
const create = (json: Json = {}): TaskRecord =>
  state.createTask(QUEUE, { httpRequest: { url: "http://127.0.0.1/" }, ...json });
const times = (): number[] => deliveries.map((each) => each.at);

describe("when a task is attempted", () => {
  test("at once, or at its schedule time and not before", async () => {
    queue();
    create();
    create({ scheduleTime: toIso(plus(clock.now(), hours(1))) });
    await clock.advance(ms(3_599_999));
    expect(times()).toEqual([0]);
    await clock.advance(ms(1));
    expect(times()).toEqual([0, 3_600_000]);
  });

  test("at most 30 days ahead, and then exactly", async () => {
    queue();
    expect(() => create({ scheduleTime: toIso(plus(clock.now(), hours(24 * 31))) })).toThrow("30 days");
    create({ scheduleTime: toIso(plus(clock.now(), hours(24 * 29))) });
    await clock.advance(hours(24 * 30));
    expect(times()).toEqual([24 * 29 * 3_600_000]);
  });

  test("in order of schedule time, then of creation", async () => {
    queue({ rateLimits: { maxConcurrentDispatches: 1 } });
    const at = (s: number): Json => ({ scheduleTime: toIso(plus(clock.now(), seconds(s))) });
    const names = [create(at(2)), create(at(1)), create(at(1)), create(at(3))].map((task) => task.name);
    await clock.advance(seconds(5));
    expect(deliveries.map((each) => each.task.name)).toEqual([names[1], names[2], names[0], names[3]]);
  });
});

describe("retries", () => {
  test("grow as the reference's example does", () => {
    const { retryConfig } = queueFromWire(QUEUE, {
      retryConfig: { minBackoff: "10s", maxBackoff: "300s", maxDoublings: 3 },
    });
    const waits = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => backoffOf(retryConfig, n) / 1000);
    expect(waits).toEqual([10, 20, 40, 80, 160, 240, 300, 300]);
  });

  test("come at exactly these times, and exactly maxAttempts in all", async () => {
    queue({ retryConfig: { maxAttempts: 4, minBackoff: "1s", maxDoublings: 1 } });
    behave = async () => broken;
    const { name } = create();
    await clock.advance(hours(1));
    expect(times()).toEqual([0, 1000, 3000, 7000]);
    expect(() => state.getTask(name)).toThrow("not found");
  });

  test("end when both attempts and duration are used up, where both are limited", () => {
    const { retryConfig } = queueFromWire(QUEUE, { retryConfig: { maxAttempts: 2, maxRetryDuration: "60s" } });
    const at = (s: number) => timestamp(s * 1000);
    expect(isExhausted(retryConfig, 2, at(0), at(59))).toBe(false);
    expect(isExhausted(retryConfig, 1, at(0), at(60))).toBe(false);
    expect(isExhausted(retryConfig, 2, at(0), at(60))).toBe(true);
    const forever = { ...retryConfig, maxAttempts: -1 };
    expect(isExhausted(forever, 9, at(0), at(59))).toBe(false);
    expect(isExhausted(forever, 1, at(0), at(60))).toBe(true);
  });

  test("say how often, when, and what happened before", async () => {
    queue({ retryConfig: { minBackoff: "1s" } });
    behave = async () =>
      deliveries.length === 1 ? { reason: "UNAVAILABLE: refused" } : deliveries.length === 2 ? broken : done;
    create({
      httpRequest: {
        url: "http://x",
        headers: { "X-CloudTasks-QueueName": "forged", "Content-Type": "a/b" },
        body: "e30=",
      },
    });
    await clock.advance(minutes(1));
    const headers = deliveries.map((each) => headersOf(each.task));
    expect(headers[0]).toEqual({
      "user-agent": "Google-Cloud-Tasks",
      "content-type": "a/b",
      "x-cloudtasks-queuename": "work",
      "x-cloudtasks-taskname": expect.stringMatching(/^\d+$/),
      "x-cloudtasks-taskretrycount": "0",
      "x-cloudtasks-taskexecutioncount": "0",
      "x-cloudtasks-tasketa": "1800000000.000000",
    });
    expect(headers[1]).toMatchObject({ "x-cloudtasks-taskretrycount": "1", "x-cloudtasks-taskexecutioncount": "0" });
    expect(headers[1]).toMatchObject({ "x-cloudtasks-taskretryreason": "UNAVAILABLE: refused" });
    expect(headers[1]).not.toHaveProperty("x-cloudtasks-taskpreviousresponse");
    expect(headers[2]).toMatchObject({
      "x-cloudtasks-taskretrycount": "2",
      "x-cloudtasks-taskexecutioncount": "1",
      "x-cloudtasks-taskpreviousresponse": "500",
      "x-cloudtasks-tasketa": "1800000003.000000",
    });
  });

  test("follow an attempt that outlasts the dispatch deadline, whose answer is no longer heard", async () => {
    queue({ retryConfig: { minBackoff: "5s", maxAttempts: 2 } });
    behave = () => new Promise(() => undefined);
    create({ dispatchDeadline: "15s" });
    await clock.advance(ms(14_999));
    expect(deliveries[0]?.signal.aborted).toBe(false);
    await clock.advance(seconds(6));
    expect(deliveries[0]?.signal.aborted).toBe(true);
    expect(times()).toEqual([0, 20_000]);
  });
});

describe("limits", () => {
  test("rate: a bucket, then one at a time", async () => {
    queue({ rateLimits: { maxDispatchesPerSecond: 10 } });
    for (let i = 0; i < 6; i++) create();
    await clock.advance(seconds(10));
    expect(times()).toEqual([0, 0, 100, 200, 300, 400]);
  });

  test("rate below one a second", async () => {
    queue({ rateLimits: { maxDispatchesPerSecond: 0.1 } });
    for (let i = 0; i < 3; i++) create();
    await clock.advance(minutes(1));
    expect(times()).toEqual([0, 10_000, 20_000]);
  });

  test("concurrency: never more under way, and never fewer where there is work", async () => {
    queue({ rateLimits: { maxConcurrentDispatches: 2 } });
    let running = 0;
    let most = 0;
    behave = async () => {
      most = Math.max(most, ++running);
      await clock.sleep(seconds(1));
      running--;
      return done;
    };
    for (let i = 0; i < 7; i++) create();
    await clock.advance(seconds(10));
    expect(most).toBe(2);
    expect(times()).toEqual([0, 0, 1000, 1000, 2000, 2000, 3000]);
  });
});

describe("names", () => {
  const named = (id: string): Json => ({ name: `${QUEUE}/tasks/${id}` });

  test("stay taken while the task lives and for an hour after it is done or deleted", async () => {
    queue();
    create(named("a"));
    create({ ...named("b"), scheduleTime: toIso(plus(clock.now(), hours(2))) });
    expect(() => create(named("b"))).toThrow("already exists");
    await clock.advance(minutes(59));
    expect(() => create(named("a"))).toThrow("already exists");
    state.deleteTask(`${QUEUE}/tasks/b`);
    await clock.advance(minutes(2));
    create(named("a"));
    expect(() => create(named("b"))).toThrow("already exists");
    await clock.advance(minutes(59));
    create(named("b"));
  });

  test("are free in another queue", () => {
    queue();
    state.createQueue(queueFromWire(`${PARENT}/queues/other`, {}));
    create(named("a"));
    state.createTask(`${PARENT}/queues/other`, { name: `${PARENT}/queues/other/tasks/a`, httpRequest: {} });
  });

  test("have a shape", () => {
    queue();
    expect(() => create(named("a/b"))).toThrow("letters, digits");
    expect(() => create(named("x".repeat(501)))).toThrow("500 at most");
    expect(() => create({ name: "elsewhere/tasks/a" })).toThrow("must start with");
  });

  test("the queue port takes a second wake-up of one id for a success", async () => {
    queue();
    const port = createQueuePort(state, PARENT);
    state.declareQueue(queueFromManifest(`${PARENT}/queues/dispatch`, {}));
    const wakeUp = { queue: "dispatch", taskId: "slot-1", data: { shard: 3 } } as const;
    expect([await port.wake(wakeUp), await port.wake(wakeUp)]).toEqual(["created", "duplicate"]);
    await clock.advance(seconds(1));
    expect(Buffer.from(deliveries[0]?.task.request.body ?? "", "base64").toString()).toBe('{"data":{"shard":3}}');
    expect(deliveries).toHaveLength(1);
  });
});

describe("pause, purge, run, delete", () => {
  test("a paused queue takes tasks and gives none, until it is resumed", async () => {
    queue();
    state.setQueueState(QUEUE, "PAUSED");
    create();
    await clock.advance(hours(1));
    expect(deliveries).toHaveLength(0);
    state.setQueueState(QUEUE, "RUNNING");
    create();
    await clock.advance(seconds(1));
    expect(deliveries).toHaveLength(2);
  });

  test("run ignores pause and schedule, and a failure is retried from then", async () => {
    queue({ retryConfig: { minBackoff: "7s" } });
    const { name } = create({ scheduleTime: toIso(plus(clock.now(), hours(5))) });
    state.setQueueState(QUEUE, "PAUSED");
    behave = async () => (deliveries.length === 1 ? broken : done);
    await clock.advance(minutes(1));
    state.runTask(name);
    await clock.advance(ms(0));
    expect(times()).toEqual([60_000]);
    state.setQueueState(QUEUE, "RUNNING");
    await clock.advance(hours(9));
    expect(times()).toEqual([60_000, 67_000]);
  });

  test("what is purged or deleted under way is not retried", async () => {
    queue({ retryConfig: { minBackoff: "1s" } });
    behave = async () => (await clock.sleep(seconds(1)), broken);
    create();
    const { name } = create();
    await clock.advance(ms(500));
    state.deleteTask(name);
    state.purgeQueue(QUEUE);
    await clock.advance(hours(1));
    expect(deliveries).toHaveLength(2);
    behave = async () => done;
    create();
    await clock.advance(seconds(1));
    expect(deliveries).toHaveLength(3);
  });

  test("a redeploy changes the settings and keeps the tasks and the pause", async () => {
    queue();
    state.setQueueState(QUEUE, "PAUSED");
    create();
    const after = state.declareQueue(
      queueFromManifest(QUEUE, { retryConfig: { maxAttempts: 5, minBackoffSeconds: null } }),
    );
    expect(after).toMatchObject({ state: "PAUSED", retryConfig: { maxAttempts: 5, minBackoff: 100 } });
    expect(state.listTasks(QUEUE, 10, "").items).toHaveLength(1);
  });
});

describe("a journal", () => {
  let folder: string;
  const path = (): string => join(folder, "tasks.log");
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "shoal-tasks-"));
    state.stop();
    state = open(path());
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Another life over what the last one had written, at whatever point it was ended. */
  const nextLife = (): void => {
    const left = readFileSync(path());
    state.stop();
    writeFileSync(path(), left);
    state = open(path());
  };

  test("brings back what waits, what was under way with its count, and what may not come again", async () => {
    queue({ retryConfig: { maxAttempts: 2 } });
    behave = async ({ task }) => (task.name.endsWith("stuck") ? new Promise(() => undefined) : done);
    create({ name: `${QUEUE}/tasks/done` });
    create({ name: `${QUEUE}/tasks/stuck` });
    create({ name: `${QUEUE}/tasks/later`, scheduleTime: toIso(plus(clock.now(), hours(1))) });
    await clock.advance(seconds(1));
    deliveries = [];
    behave = async () => done;
    nextLife();
    expect(() => create({ name: `${QUEUE}/tasks/done` })).toThrow("already exists");
    await clock.advance(hours(2));
    expect(deliveries.map(({ task }) => [task.name.slice(QUEUE.length), task.dispatchCount])).toEqual([
      ["/tasks/stuck", 2],
      ["/tasks/later", 1],
    ]);
  });

  test("survives a line that was torn by the kill", () => {
    queue();
    create({ name: `${QUEUE}/tasks/a`, scheduleTime: toIso(plus(clock.now(), hours(1))) });
    const whole = readFileSync(path(), "utf8");
    state.stop();
    writeFileSync(path(), `${whole}{"kind":"task","task":{"na`);
    state = open(path());
    expect(state.listTasks(QUEUE, 10, "").items.map((task) => task.name)).toEqual([`${QUEUE}/tasks/a`]);
  });

  test("stays small where everything is done", async () => {
    queue();
    for (let round = 0; round < 12; round++) {
      for (let i = 0; i < 1000; i++) create();
      await clock.advance(seconds(10));
    }
    expect(deliveries).toHaveLength(12_000);
    expect(readFileSync(path(), "utf8").split("\n").length).toBeLessThan(21_000);
  });
});
