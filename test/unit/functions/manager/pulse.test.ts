import { afterAll, beforeAll, expect, it } from "vitest";
import { createPulse, PULSE } from "@shoal/functions/manager/feed/pulse.ts";
import type { Database } from "@shoal/functions/store/database.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { eventually, systemClock } from "../../../support/clock.ts";
import { testDatabase, type TestDatabase } from "../../../support/postgres.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.drop());

it("looks once for any number of watchers, at most once a second while nothing happens, and never without one", async () => {
  const database = db.open();
  let looks = 0;
  const asAccounts: Database["asAccounts"] = (work, how) => {
    looks += 1;
    return database.asAccounts(work, how);
  };
  let now = 0;
  const spans: number[] = [];
  const clock: Clock = {
    ...systemClock,
    monotonic: () => now,
    sleep: async (span) => {
      spans.push(span);
      now += span;
    },
  };
  const pulse = createPulse({ database: { asAccounts }, clock, log: silentLog });
  pulse.committed("org-nobody-watches");
  expect(looks).toBe(0);
  let told = 0;
  const stops = Array.from({ length: 50 }, (_, i) => pulse.watch(`org-${i % 5}`, async () => void (told += 1)));
  await eventually(() => (spans.length >= 40 ? true : undefined), "it has looked forty times");
  for (const stop of stops) stop();
  const atEnd = spans.length;
  expect(Math.abs(looks - atEnd)).toBeLessThanOrEqual(1);
  expect(told).toBeGreaterThanOrEqual(50);
  // Other databases of the server write, too, so how often it is idle is not ours to say; how long it then rests is.
  expect(new Set([...spans, PULSE.busyMs, PULSE.idleMs])).toEqual(new Set([PULSE.busyMs, PULSE.idleMs]));
  expect(PULSE.idleMs).toBe(1000);
  await eventually(async () => {
    const before = looks;
    for (let i = 0; i < 5; i++) await database.ping();
    return looks === before ? true : undefined;
  }, "it has stopped looking");
  pulse.close();
});
