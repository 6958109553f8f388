import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createScheduler, type Fire, type Scheduler, type SendFire } from "@shoal/emulator/scheduler/scheduler.ts";
import { parseSchedule } from "@shoal/emulator/scheduler/schedule.ts";
import { createFireSender } from "@shoal/emulator/scheduler/send.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { fromIso, hours, minutes, seconds, timestamp, toIso, type Timestamp } from "@shoal/shared/base/time.ts";
import { createVirtualClock, type VirtualClock } from "../../../support/virtual-clock.ts";

const at = (text: string): Timestamp => fromIso(text) ?? timestamp(0);
const nexts = (text: string, zone: string, from: string, count: number): string[] => {
  const schedule = parseSchedule(text, zone);
  const found: string[] = [];
  for (let after = at(from); found.length < count;) {
    after = schedule(after) ?? timestamp(0);
    found.push(toIso(after).replace(":00.000Z", "Z"));
  }
  return found;
};

describe("a schedule", () => {
  test.each([
    ["every 1 minutes", "Etc/UTC", ["2026-03-01T00:01Z", "2026-03-01T00:02Z"]],
    ["every 5 minutes", "Etc/UTC", ["2026-03-01T00:05Z", "2026-03-01T00:10Z"]],
    ["every 7 mins", "Etc/UTC", ["2026-03-01T00:06Z", "2026-03-01T00:13Z"]],
    ["every 12 hours", "America/New_York", ["2026-03-01T05:00Z", "2026-03-01T17:00Z"]],
    ["30 9 * * 1-5", "Europe/Berlin", ["2026-03-02T08:30Z", "2026-03-03T08:30Z"]],
    ["every day 02:00", "Etc/UTC", ["2026-03-01T02:00Z", "2026-03-02T02:00Z"]],
    ["every monday,Friday 09:00", "Etc/UTC", ["2026-03-02T09:00Z", "2026-03-06T09:00Z"]],
    ["2nd,third mon of mar,sep 17:00", "Etc/UTC", ["2026-03-09T17:00Z", "2026-03-16T17:00Z", "2026-09-14T17:00Z"]],
    ["first sunday of month 00:00", "Etc/UTC", ["2026-04-05T00:00Z", "2026-05-03T00:00Z"]],
  ])("%s in %s", (text, zone, expected) => {
    expect(nexts(text, zone, "2026-03-01T00:00:30Z", expected.length)).toEqual(expected);
  });

  test("follows the clocks as they change", () => {
    // Berlin leaves 02:00-03:00 out on 29 March 2026; the day's 09:00 moves from 08:00 UTC to 07:00 UTC.
    expect(nexts("0 9 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", 2)).toEqual([
      "2026-03-28T08:00Z",
      "2026-03-29T07:00Z",
    ]);
  });

  test.each(["every 0 minutes", "sometimes", "* * * *", "61 * * * *", "every someday 10:00"])("refuses %s", (text) => {
    expect(() => parseSchedule(text, "Etc/UTC")).toThrow("is no schedule");
  });

  test("refuses a time zone that does not exist", () => {
    expect(() => parseSchedule("every 1 minutes", "Mars/Olympus")).toThrow("is no schedule");
  });
});

describe("the scheduler", () => {
  let clock: VirtualClock;
  let scheduler: Scheduler;
  let fires: { readonly fire: Fire; readonly at: string }[];
  let behave: SendFire;
  beforeEach(() => {
    clock = createVirtualClock(at("2026-03-01T00:00:10Z"));
    fires = [];
    behave = async () => 200;
    scheduler = createScheduler({
      clock,
      log: silentLog,
      location: "us-central1",
      send: (fire, signal) => {
        fires.push({ fire, at: toIso(clock.now()).slice(11, 19) });
        return behave(fire, signal);
      },
    });
  });
  afterEach(() => scheduler.stop());
  const times = (): string[] => fires.map((each) => each.at);

  test("fires every minute, on the minute, and says when it was due", async () => {
    scheduler.declareJobs({ tick: { schedule: "every 1 minutes", timeZone: null } });
    await clock.advance(minutes(3));
    expect(times()).toEqual(["00:01:00", "00:02:00", "00:03:00"]);
    expect(fires[0]?.fire).toEqual({
      functionName: "tick",
      jobName: "firebase-schedule-tick-us-central1",
      scheduleTime: at("2026-03-01T00:01:00Z"),
    });
  });

  test("does not make up for what it slept through", async () => {
    let asleep = 0;
    const late = { ...clock, now: () => timestamp(clock.now() + asleep) };
    const sleepy = createScheduler({
      clock: late,
      log: silentLog,
      location: "l",
      send: async (fire) => (fires.push({ fire, at: toIso(late.now()).slice(11, 19) }), 200),
    });
    sleepy.declareJobs({ tick: { schedule: "every 1 minutes" } });
    asleep = hours(1);
    await clock.advance(minutes(2));
    // One late fire for the one it had been waiting for, then on time again.
    expect(times()).toEqual(["01:01:00", "01:02:00"]);
    sleepy.stop();
  });

  test("waits for a run that outlasts its minute", async () => {
    behave = async () => (await clock.sleep(seconds(90)), 200);
    scheduler.declareJobs({ tick: { schedule: "every 1 minutes" } });
    await clock.advance(minutes(5));
    expect(times()).toEqual(["00:01:00", "00:03:00", "00:05:00"]);
  });

  test("retries as the job says, and no more", async () => {
    behave = async () => 500;
    scheduler.declareJobs({
      tick: { schedule: "every 1 hours", retryConfig: { retryCount: 3, minBackoffSeconds: 10, maxDoublings: null } },
    });
    await clock.advance(minutes(59.9));
    expect(times()).toEqual(["01:00:00"]);
    await clock.advance(minutes(30));
    expect(times()).toEqual(["01:00:00", "01:00:10", "01:00:30", "01:01:10"]);
    expect(new Set(fires.map((each) => each.fire.scheduleTime)).size).toBe(1);
  });

  test("does not retry where the job says nothing, and gives up after 180 s", async () => {
    const aborted: boolean[] = [];
    behave = (_, signal) => new Promise(() => signal.addEventListener("abort", () => aborted.push(true)));
    scheduler.declareJobs({ tick: { schedule: "every 1 hours" } });
    await clock.advance(minutes(61));
    expect(aborted).toEqual([]);
    await clock.advance(minutes(2));
    expect(aborted).toEqual([true]);
    expect(fires).toHaveLength(1);
  });

  test("runs by hand, and a new declaration replaces the old", async () => {
    scheduler.declareJobs({ tick: { schedule: "every 1 minutes" } });
    expect(await scheduler.run("tick")).toBe(true);
    scheduler.declareJobs({ other: { schedule: "every 1 hours" } });
    expect(await scheduler.run("tick")).toBe(false);
    await clock.advance(minutes(5));
    expect(times()).toEqual(["00:00:10"]);
  });
});

test("a function sees a POST with the service's headers and a token", async () => {
  const seen: { method: string | undefined; headers: IncomingHttpHeaders }[] = [];
  const server = createServer((request, response) => {
    seen.push({ method: request.method, headers: request.headers });
    request.resume();
    response.writeHead(204).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const sender = createFireSender({
    targetOf: (name) => (name === "tick" ? url : undefined),
    signToken: async ({ email, audience }) => `${email}|${audience}`,
    serviceAccountEmail: "scheduler@p",
  });
  const fire = { functionName: "tick", jobName: "j", scheduleTime: at("2026-03-01T00:00:00Z") };
  expect(await sender.send(fire, new AbortController().signal)).toBe(204);
  await expect(sender.send({ ...fire, functionName: "none" }, new AbortController().signal)).rejects.toThrow("none");
  expect(seen).toMatchObject([
    {
      method: "POST",
      headers: {
        "x-cloudscheduler": "true",
        "x-cloudscheduler-jobname": "j",
        "x-cloudscheduler-scheduletime": "2026-03-01T00:00:00.000Z",
        "user-agent": "Google-Cloud-Scheduler",
        authorization: `Bearer scheduler@p|${url}`,
      },
    },
  ]);
  await sender.close();
  server.close();
});
