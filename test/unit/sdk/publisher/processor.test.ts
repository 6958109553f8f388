/** Real processor processes that publish to a bus: placed, numbered, counted, and going on where the one before stood. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { inbox } from "../../../conformance/bus-sdk/support.ts";
import { embeddedBroker, unique, type TestBroker } from "../../../support/brokers.ts";
import { eventually } from "../../../support/clock.ts";
import { endChildren, FIXTURE, startChild, type Child } from "../processor/support/child.ts";

let folder = "";
let broker: TestBroker;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "shoal-processor-"));
  broker = embeddedBroker();
  await broker.start();
});
afterEach(async () => {
  endChildren();
  await broker.stop();
  await rm(folder, { recursive: true, force: true });
});

const run = (env: Readonly<Record<string, string>> = {}): Promise<Child> =>
  startChild(FIXTURE, {
    DORY_RABBITMQ_URL: broker.url,
    DORY_STATE_BACKEND: "pvc",
    DORY_STATE_PVC_MOUNT: folder,
    DORY_RESTART_BACKOFF_SEC: "0",
    DORY_EPOCH: "1",
    WISHES: "publish",
    ...env,
  });

test("events carry place, epoch and number, and a successor goes on counting", async () => {
  const box = await inbox(broker.url, unique("q"), "prc-test.#");
  const first = await run({ DORY_LATITUDE: "57.64911", DORY_LONGITUDE: "10.40744" });
  await eventually(() => (box.messages.length > 3 ? true : undefined), "it publishes");
  expect(box.messages[0]?.fields.routingKey).toBe("prc-test.beat.u4p.ruy.dqq");
  expect(await (await first.call("/metrics")).text()).toMatch(/shoal_processor_output_confirmed [1-9]/);
  expect(await first.end("SIGTERM")).toBe(0);
  const before = box.messages.length;
  await run({ DORY_EPOCH: "2", DORY_GEOHASH: "ezs42", DORY_GEOHASH_SEGMENT_LENGTH: "1" });
  await eventually(() => (box.messages.length > before + 3 ? true : undefined), "its successor publishes");
  const numbers = box.messages.map(({ properties }) => (properties.headers as { sequence: number }).sequence);
  expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  expect(box.messages.at(-1)?.fields.routingKey).toBe("prc-test.beat.e.z.s.4.2");
  expect(box.messages.at(-1)?.properties.headers).toMatchObject({ epoch: 2, processor_id: "prc-test" });
  await box.close();
});

test("what a stop could not get rid of is the successor's to send, under the same ids", async () => {
  const queue = unique("q");
  const box = await inbox(broker.url, queue, "prc-test.#");
  const first = await run();
  await eventually(() => (box.messages.length > 3 ? true : undefined), "it publishes");
  await broker.kill9();
  await eventually(async () => {
    const page = await (await first.call("/metrics")).text();
    return /output_unconfirmed (?:[5-9]|\d\d)/.test(page) ? true : undefined;
  }, "events wait");
  expect(await first.end("SIGTERM")).toBe(0);
  await broker.restart();
  const after = await inbox(broker.url, queue, "prc-test.#");
  await run({ DORY_EPOCH: "2" });
  await eventually(() => (after.messages.length > 20 ? true : undefined), "all that waited, and more");
  const numbers = [...box.messages, ...after.messages].map(
    ({ properties }) => (properties.headers as { sequence: number }).sequence,
  );
  const once = [...new Set(numbers)];
  expect(once).toEqual(once.map((_, index) => index + 1));
  const ids = new Set([...box.messages, ...after.messages].map(({ properties }) => String(properties.messageId)));
  expect(ids.size).toBe(once.length);
  await after.close();
  await box.leave();
});
