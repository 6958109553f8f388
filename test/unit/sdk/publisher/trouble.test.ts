/** A broker that is slow, silent, full, or gone before it began. */
import amqp from "amqplib";
import { expect, onTestFinished, test } from "vitest";
import { silentLog } from "@shoal/shared/base/log.ts";
import { milliseconds, seconds } from "@shoal/shared/base/time.ts";
import { inbox, publisherOf } from "../../../conformance/bus-sdk/support.ts";
import { unique } from "../../../support/brokers.ts";
import { startTestBus, type TestBus } from "../../../support/bus.ts";
import { eventually } from "../../../support/clock.ts";

async function startBus(limits: Record<string, number> = {}): Promise<TestBus> {
  const bus = await startTestBus({ limits });
  onTestFinished(() => bus.stop());
  return bus;
}

test("what the broker refuses is sent again under the same id, in order, until it is taken", async () => {
  const bus = await startBus();
  const [id, queue] = [unique("prc"), unique("small")];
  const connection = await amqp.connect(bus.url);
  onTestFinished(() => connection.close());
  const channel = await connection.createChannel();
  await channel.assertExchange("dory.output", "topic", { durable: true });
  await channel.assertQueue(queue, { arguments: { "x-max-length": 5, "x-overflow": "reject-publish" } });
  await channel.bindQueue(queue, "dory.output", `${id}.#`);
  const publisher = publisherOf(bus.url, id);
  onTestFinished(() => publisher.close());
  await publisher.connect();
  const ids: string[] = [];
  for (let n = 0; n < 12; n++) ids.push((await publisher.publish({ eventType: "count", payload: { n } })).messageId);
  await eventually(() => (publisher.counts.refused > 0 ? true : undefined), "it is refused");
  expect(publisher.unconfirmed).toBe(7);
  const got: string[] = [];
  await channel.consume(queue, (message) => {
    if (message === null) return;
    got.push(String(message.properties.messageId));
    channel.ack(message);
  });
  expect(await publisher.drain(seconds(20))).toBe(0);
  await eventually(() => (got.length >= 12 ? true : undefined), "all are there");
  expect([...new Set(got)]).toEqual(ids);
});

test("a blocked broker is sent nothing, and what waited goes out when it takes again", async () => {
  const bus = await startBus({ backlogMessages: 3 });
  const [id, other] = [unique("prc"), unique("prc")];
  const queue = unique("q");
  const box = async (): Promise<amqp.Channel> => {
    const connection = await amqp.connect(bus.url);
    connection.on("error", () => undefined);
    onTestFinished(() => connection.close().catch(() => undefined));
    const channel = await connection.createChannel();
    channel.on("error", () => undefined);
    await channel.assertExchange("dory.output", "topic", { durable: true });
    await channel.assertQueue(queue, { durable: true });
    await channel.bindQueue(queue, "dory.output", "#");
    return channel;
  };
  await box();
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (_: object, text: string) => void warnings.push(text) };
  const [blocking, publisher] = [publisherOf(bus.url, other), publisherOf(bus.url, id, { log })];
  onTestFinished(async () => void (await Promise.all([blocking.close(), publisher.close()])));
  await Promise.all([blocking.connect(), publisher.connect()]);
  for (let n = 0; n < 6; n++) await blocking.publish({ eventType: "fill", payload: { n } });
  // The broker says so to whoever publishes.
  await publisher.publish({ eventType: "count", payload: {} });
  await eventually(() => (warnings.some((text) => /takes no events/.test(text)) ? true : undefined), "it is told");
  for (let n = 0; n < 5; n++) await publisher.publish({ eventType: "count", payload: { n } });
  expect(await publisher.drain(milliseconds(50))).toBe(6);
  // Had the five been sent, they would be sent again on the next connection.
  bus.faults.cutConnections();
  const reader = await box();
  await reader.consume(queue, (message) => void (message !== null && reader.ack(message)));
  expect(await publisher.drain(seconds(10))).toBe(0);
  expect(publisher.counts.resent).toBe(1);
});

test("confirms that never come cost nothing but a repeat: the next connection sends them again", async () => {
  const bus = await startBus();
  const id = unique("prc");
  const box = await inbox(bus.url, unique("q"), `${id}.#`);
  onTestFinished(() => box.close());
  const publisher = publisherOf(bus.url, id);
  onTestFinished(() => publisher.close());
  await publisher.connect();
  bus.faults.dropConfirms = true;
  const receipt = await publisher.publish({ eventType: "count", payload: {} });
  await eventually(() => (box.messages.length === 1 ? true : undefined), "it is there");
  expect(publisher.unconfirmed).toBe(1);
  bus.faults.dropConfirms = false;
  bus.faults.cutConnections();
  expect(await receipt.confirmed()).toMatch(/routed|returned/);
  expect(publisher.counts).toMatchObject({ confirmed: 1, resent: 1 });
});

test("no broker, no connection: said at once, and again possible when there is one", async () => {
  const bus = await startBus();
  bus.faults.refuseConnections = true;
  const publisher = publisherOf(bus.url, unique("prc"));
  onTestFinished(() => publisher.close());
  await expect(publisher.connect()).rejects.toMatchObject({ code: "unavailable" });
  bus.faults.refuseConnections = false;
  await publisher.connect();
  await expect(publisherOf("http://127.0.0.1", "p").connect()).rejects.toMatchObject({ code: "invalid_argument" });
});
