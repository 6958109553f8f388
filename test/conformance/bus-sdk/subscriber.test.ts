/** The subscriber against real brokers: topology, once, fenced, in order, retried, parked. */
import { randomUUID } from "node:crypto";
import amqp from "amqplib";
import { expect, onTestFinished, test } from "vitest";
import { milliseconds, seconds } from "@shoal/shared/base/time.ts";
import {
  createSubscriber,
  memoryLedger,
  ShoalError,
  type BusMessage,
  type SubscriberOptions,
} from "@shoal/subscriber/index.ts";
import { describeOnBrokers, unique, type TestBroker } from "../../support/brokers.ts";
import { eventually } from "../../support/clock.ts";
import { inbox, publisherOf } from "./support.ts";

const envelope = (n: number, more: object = {}): object => ({
  schema_version: "0.1",
  message_id: randomUUID(),
  timestamp: "2026-01-01T00:00:00Z",
  payload: { n },
  ...more,
});

/** A subscriber that notes what it handles, and a plain channel to say anything with. */
async function scene(broker: TestBroker, more: Partial<SubscriberOptions<undefined>> = {}) {
  const [id, queue] = [unique("prc"), unique("q")];
  const handled: BusMessage[] = [];
  const subscriber = createSubscriber<undefined>({
    url: broker.url,
    queue,
    patterns: [`${id}.#`],
    ledger: memoryLedger(),
    retryAfter: [milliseconds(50), milliseconds(100)],
    handle: (message) => {
      handled.push(message);
      return Promise.resolve();
    },
    ...more,
  });
  await subscriber.start();
  const connection = await amqp.connect(broker.url);
  connection.on("error", () => undefined);
  const channel = await connection.createConfirmChannel();
  onTestFinished(async () => {
    await subscriber.stop(seconds(5));
    for (const name of [queue, `${queue}.parked`, `${queue}.retry.50`, `${queue}.retry.100`])
      await channel.deleteQueue(name).catch(() => undefined);
    await connection.close().catch(() => undefined);
  });
  const say = async (body: unknown, headers?: object): Promise<void> => {
    const content = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
    channel.publish("dory.output", `${id}.count`, content, headers === undefined ? {} : { headers });
    await channel.waitForConfirms();
  };
  const sender = (epoch: number, sequence = 1): object => ({ processor_id: id, event_type: "count", epoch, sequence });
  const parked = async (): Promise<amqp.GetMessage> =>
    eventually(async () => (await channel.get(`${queue}.parked`, { noAck: true })) || undefined, "it is parked");
  return { id, queue, handled, subscriber, channel, say, sender, parked };
}

describeOnBrokers("the subscriber", (broker) => {
  test("hands over what a publisher says, in order per processor", async () => {
    const { id, handled, subscriber } = await scene(broker);
    const publisher = publisherOf(broker.url, id, { geohash: "u4pruydqq", epoch: 3 });
    onTestFinished(() => publisher.close());
    await publisher.connect();
    for (let n = 0; n < 200; n++) await publisher.publish({ eventType: "count", payload: { n } });
    await eventually(() => (handled.length === 200 ? true : undefined), "all are handled");
    expect(handled.map(({ payload }) => payload["n"])).toEqual(Array.from({ length: 200 }, (_, n) => n));
    expect(handled[0]).toMatchObject({
      processorId: id,
      eventType: "count",
      epoch: 3,
      sequence: 1,
      geohash: "u4pruydqq",
      routingKey: `${id}.count.u4p.ruy.dqq`,
      attempt: 1,
    });
    expect(subscriber.counts).toMatchObject({ received: 200, handled: 200, seen: 0, parked: 0 });
  });

  test("lets one id take effect once", async () => {
    const { handled, subscriber, say, sender } = await scene(broker);
    const twice = envelope(1);
    await say(twice, sender(1));
    await say(twice, sender(1));
    await eventually(() => (subscriber.counts.seen === 1 ? true : undefined), "the second is dropped");
    expect(handled).toHaveLength(1);
  });

  test("drops what an earlier activation says after a later one has spoken", async () => {
    const { handled, subscriber, say, sender } = await scene(broker);
    await say(envelope(1), sender(1));
    await say(envelope(2), sender(2));
    await say(envelope(3), sender(1));
    await say(envelope(4), sender(2));
    await eventually(() => (handled.length === 3 ? true : undefined), "the others are handled");
    expect(handled.map(({ payload }) => payload["n"])).toEqual([1, 2, 4]);
    await eventually(() => (subscriber.counts.stale === 1 ? true : undefined), "1 is counted as stale");
  });

  test("takes messages without headers from whoever sets none, and only major versions that it was told to", async () => {
    const { id, handled, subscriber, say } = await scene(broker, { majors: [0, 2] });
    await say(envelope(1));
    await say(envelope(2, { schema_version: "1.0" }));
    await say(envelope(3, { schema_version: "2.7", added: true }));
    await eventually(() => (handled.length === 2 ? true : undefined), "two are handled");
    expect(handled.map(({ payload, processorId, epoch }) => [payload["n"], processorId, epoch])).toEqual([
      [1, id, undefined],
      [3, id, undefined],
    ]);
    await eventually(() => (subscriber.counts.foreign === 1 ? true : undefined), "1 is counted as foreign");
  });

  test("parks what is no message, with its reason, its bytes and its key", async () => {
    const { id, handled, say, sender, parked, subscriber } = await scene(broker);
    const broken = Buffer.from([0x7b, 0xff, 0x00]);
    await say(broken);
    const first = await parked();
    expect(first.content).toEqual(broken);
    expect(first.properties.headers).toMatchObject({
      "x-shoal-reason": "undecodable",
      "x-shoal-routing-key": `${id}.count`,
    });
    await say({ schema_version: "0.1" });
    expect((await parked()).properties.headers).toMatchObject({ "x-shoal-reason": "invalid_envelope" });
    await say(envelope(1), { ...sender(1), epoch: "soon" });
    expect((await parked()).properties.headers).toMatchObject({ "x-shoal-reason": "invalid_headers" });
    await say(envelope(2), sender(1));
    await eventually(() => (handled.length === 1 ? true : undefined), "the good one passes");
    // A message is seen in the parking queue before the broker's word that it is there.
    await eventually(() => (subscriber.counts.parked === 3 ? true : undefined), "three are counted");
  });

  test("tries again after a pause, and parks what fails every time", async () => {
    const attempts: number[] = [];
    const { id, say, sender, parked, subscriber } = await scene(broker, {
      handle: ({ payload, attempt, routingKey }) => {
        if (payload["n"] === 1) return Promise.resolve();
        attempts.push(attempt);
        expect(routingKey).toBe(`${id}.count`);
        throw new Error("not today");
      },
    });
    await say(envelope(0), sender(1));
    await say(envelope(1), sender(1));
    const { headers } = (await parked()).properties;
    expect(attempts).toEqual([1, 2, 3]);
    expect(headers).toMatchObject({
      "x-shoal-reason": "handler_failed",
      "x-shoal-error": "not today",
      "x-shoal-attempts": 3,
      processor_id: id,
    });
    expect(subscriber.counts).toMatchObject({ handled: 1, retried: 2, parked: 1 });
  });

  test("parks at once what cannot succeed, and what takes too long after its retries", async () => {
    const { say, sender, parked } = await scene(broker, {
      handleWithin: milliseconds(30),
      handle: ({ payload }, { signal }) => {
        if (payload["n"] === 0) throw new ShoalError("invalid_argument", "nonsense");
        return new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(new Error("given up")), { once: true });
        });
      },
    });
    await say(envelope(0), sender(1));
    expect((await parked()).properties.headers).toMatchObject({ "x-shoal-attempts": 1, "x-shoal-error": "nonsense" });
    await say(envelope(1), sender(1));
    expect((await parked()).properties.headers).toMatchObject({ "x-shoal-attempts": 3 });
  });

  test("finishes what is in hand when it stops, and leaves the rest to the next", async () => {
    const release = Promise.withResolvers<void>();
    const begun: unknown[] = [];
    const { queue, id, say, sender, subscriber } = await scene(broker, {
      prefetch: 1,
      handle: async ({ payload }) => {
        begun.push(payload["n"]);
        await release.promise;
      },
    });
    await say(envelope(1), sender(1));
    await say(envelope(2), sender(1));
    await eventually(() => (begun.length === 1 ? true : undefined), "the first is in hand");
    const stopped = subscriber.stop(seconds(10));
    release.resolve();
    await stopped;
    await eventually(() => (subscriber.counts.handled === 1 ? true : undefined), "1 is counted as handled");
    const box = await inbox(broker.url, queue, `${id}.#`);
    onTestFinished(() => box.close());
    await eventually(() => (box.messages.length === 1 ? true : undefined), "the second is still there");
    expect(JSON.parse(box.messages[0]?.content.toString() ?? "")).toMatchObject({ payload: { n: 2 } });
  });

  test("makes its queues anew when somebody deletes them", async () => {
    const { queue, handled, say, sender, subscriber, channel } = await scene(broker);
    await channel.deleteQueue(queue);
    await eventually(() => (subscriber.reconnects > 0 ? true : undefined), "it notices");
    await eventually(async () => {
      await say(envelope(1), sender(1));
      return handled.length > 0 ? true : undefined;
    }, "it reads again");
  });

  test("listens without a queue of its own name, and leaves nothing behind", async () => {
    const { handled, say, sender, subscriber, parked: _, channel, queue } = await scene(broker, { patterns: ["#"] });
    const passing: BusMessage[] = [];
    const listener = createSubscriber<undefined>({
      url: broker.url,
      patterns: ["#"],
      ledger: memoryLedger(),
      handle: (message) => {
        passing.push(message);
        return Promise.resolve();
      },
    });
    await listener.start();
    await say(envelope(1), sender(1));
    await eventually(() => (handled.length > 0 && passing.length > 0 ? true : undefined), "both have it");
    await listener.stop(seconds(1));
    expect(subscriber.counts.parked).toBe(0);
    await channel.checkQueue(queue);
  });

  test.skipIf(!broker.killable)("loses nothing and doubles nothing when the broker dies", async () => {
    const { id, handled, subscriber } = await scene(broker);
    const publisher = publisherOf(broker.url, id, { window: { count: 200, bytes: 1_000_000 } });
    onTestFinished(() => publisher.close());
    await publisher.connect();
    const until = new AbortController();
    const accepted: string[] = [];
    const publishing = (async () => {
      for (let n = 0; !until.signal.aborted; n++)
        accepted.push((await publisher.publish({ eventType: "count", payload: { n } })).messageId);
    })();
    await eventually(() => (handled.length > 500 ? true : undefined), "five hundred");
    await broker.kill9();
    await broker.restart();
    const seen = handled.length;
    await eventually(() => (handled.length > seen + 500 ? true : undefined), "five hundred more", 40_000);
    until.abort();
    await publishing;
    expect(await publisher.drain(seconds(20))).toBe(0);
    await eventually(() => (handled.length >= accepted.length ? true : undefined), "all of them");
    expect(handled.map(({ id: messageId }) => messageId)).toEqual(accepted);
    expect(subscriber.reconnects).toBeGreaterThan(0);
  });
});
