/** What a queue's arguments promise: expiry, bounds, dead letters, poison, exclusivity. */
import amqp, { type Channel, type ConfirmChannel, type GetMessage, type Options } from "amqplib";
import { afterEach, describe, expect, test } from "vitest";
import { describeOnBrokers, unique } from "../../support/brokers.ts";
import { eventually } from "../../support/clock.ts";

interface Death {
  readonly count: number;
  readonly reason: string;
  readonly queue: string;
  readonly exchange: string;
  readonly "routing-keys": readonly string[];
  readonly "original-expiration"?: string;
}

const deathsOf = (message: GetMessage): readonly Death[] => message.properties.headers?.["x-death"] ?? [];

describeOnBrokers("queues", (broker) => {
  const open: { close(): Promise<unknown> }[] = [];
  const channel = async (): Promise<ConfirmChannel> => {
    const connection = await amqp.connect(broker.url);
    connection.on("error", () => undefined);
    open.push(connection);
    const opened = await connection.createConfirmChannel();
    opened.on("error", () => undefined);
    return opened;
  };
  const declared = new Set<string>();
  afterEach(async () => {
    const sweeper = await amqp.connect(broker.url);
    const ch = await sweeper.createChannel();
    for (const queue of declared) await ch.deleteQueue(queue).catch(() => undefined);
    declared.clear();
    await sweeper.close();
    await Promise.all(open.splice(0).map((each) => each.close().catch(() => undefined)));
  });
  const declare = async (ch: Channel, name: string, options: Options.AssertQueue = {}): Promise<string> => {
    const queue = unique(name);
    await ch.assertQueue(queue, options);
    declared.add(queue);
    return queue;
  };
  const get = (ch: Channel, queue: string): Promise<GetMessage> =>
    eventually(async () => (await ch.get(queue)) || undefined, `a message in ${queue}`);
  const count = async (ch: Channel, queue: string, messages: number): Promise<void> => {
    await eventually(
      async () => ((await ch.checkQueue(queue)).messageCount === messages ? true : undefined),
      `${messages} messages in ${queue}`,
    );
  };
  /** A queue whose dead letters go to another one, and that one. */
  const pair = async (ch: Channel, options: Options.AssertQueue = {}): Promise<readonly [string, string]> => {
    const dead = await declare(ch, "dead");
    const queue = await declare(ch, "q", { deadLetterExchange: "", deadLetterRoutingKey: dead, ...options });
    return [queue, dead];
  };

  describe("a time to live", () => {
    test("of the queue sends messages to the dead letters", async () => {
      const ch = await channel();
      const [queue, dead] = await pair(ch, { messageTtl: 50 });
      ch.sendToQueue(queue, Buffer.from("late"));
      const message = await get(ch, dead);
      expect(deathsOf(message)).toMatchObject([
        { count: 1, reason: "expired", queue, exchange: "", "routing-keys": [queue] },
      ]);
      await count(ch, queue, 0);
    });

    test("of the message, the shorter of both, is over once it has died", async () => {
      const ch = await channel();
      const [queue, dead] = await pair(ch, { messageTtl: 60_000 });
      ch.sendToQueue(queue, Buffer.from("late"), { expiration: "40" });
      const message = await get(ch, dead);
      expect(message.properties.expiration).toBeUndefined();
      expect(deathsOf(message)).toMatchObject([{ reason: "expired", "original-expiration": "40" }]);
    });

    test("of 0 reaches who waits and nobody else", async () => {
      const ch = await channel();
      const queue = await declare(ch, "q");
      ch.sendToQueue(queue, Buffer.from("nobody"), { expiration: "0" });
      await ch.waitForConfirms();
      await count(ch, queue, 0);
      const got: string[] = [];
      await ch.consume(queue, (message) => message !== null && got.push(message.content.toString()), { noAck: true });
      ch.sendToQueue(queue, Buffer.from("somebody"), { expiration: "0" });
      await eventually(() => (got.length > 0 ? true : undefined), "the one for who waits");
      expect(got).toEqual(["somebody"]);
    });

    test("of an unused queue removes it", async () => {
      const ch = await channel();
      const queue = await declare(ch, "q", { expires: 60 });
      const other = await channel();
      await eventually(async () => {
        const probe = await amqp.connect(broker.url);
        try {
          const probing = await probe.createChannel();
          probing.on("error", () => undefined);
          return await probing.bindQueue(queue, "amq.topic", "k").then(
            () => undefined,
            () => true,
          );
        } finally {
          await probe.close();
        }
      }, "the queue is gone");
      await other.close();
    });
  });

  describe("a bound", () => {
    const texts = async (ch: Channel, queue: string, messages: number): Promise<string[]> => {
      const found: string[] = [];
      for (let index = 0; index < messages; index++) found.push((await get(ch, queue)).content.toString());
      return found;
    };

    test("drops the oldest into the dead letters", async () => {
      const ch = await channel();
      const [queue, dead] = await pair(ch, { maxLength: 2 });
      for (const body of ["a", "b", "c", "d"]) ch.sendToQueue(queue, Buffer.from(body));
      await ch.waitForConfirms();
      await count(ch, queue, 2);
      await count(ch, dead, 2);
      expect(await texts(ch, queue, 2)).toEqual(["c", "d"]);
      expect(deathsOf(await get(ch, dead))).toMatchObject([{ reason: "maxlen", queue }]);
    });

    test("counts bytes where it is told to", async () => {
      const ch = await channel();
      const queue = await declare(ch, "q", { arguments: { "x-max-length-bytes": 10 } });
      for (const body of ["aaaa", "bbbb", "cccc"]) ch.sendToQueue(queue, Buffer.from(body));
      await ch.waitForConfirms();
      await count(ch, queue, 2);
      expect(await texts(ch, queue, 2)).toEqual(["bbbb", "cccc"]);
    });

    test("says no to the publisher where it is told to", async () => {
      const ch = await channel();
      const queue = await declare(ch, "q", { maxLength: 1, arguments: { "x-overflow": "reject-publish" } });
      const outcomes: string[] = [];
      for (const body of ["a", "b"]) {
        await new Promise<void>((resolve) =>
          ch.sendToQueue(queue, Buffer.from(body), {}, (failed) => {
            outcomes.push(failed === null || failed === undefined ? "ack" : "nack");
            resolve();
          }),
        );
      }
      expect(outcomes).toEqual(["ack", "nack"]);
      await count(ch, queue, 1);
    });
  });

  describe("a dead letter", () => {
    test("says why, where and how often, and keeps its first death", async () => {
      const ch = await channel();
      const [queue, dead] = await pair(ch);
      await ch.bindQueue(queue, "amq.topic", "p.*");
      ch.publish("amq.topic", "p.1", Buffer.from("x"), { headers: { mine: 1 } });
      ch.nack(await get(ch, queue), false, false);
      const first = await get(ch, dead);
      expect(first.properties.headers).toMatchObject({
        mine: 1,
        "x-first-death-reason": "rejected",
        "x-first-death-queue": queue,
        "x-first-death-exchange": "amq.topic",
      });
      expect(deathsOf(first)).toMatchObject([
        { count: 1, reason: "rejected", queue, exchange: "amq.topic", "routing-keys": ["p.1"] },
      ]);
      ch.sendToQueue(queue, first.content, { headers: first.properties.headers });
      ch.ack(first);
      ch.reject(await get(ch, queue), false);
      expect(deathsOf(await get(ch, dead))).toMatchObject([{ count: 2, reason: "rejected", queue }]);
    });

    test("keeps its routing key where no other is named, and is dropped where nobody takes it", async () => {
      const ch = await channel();
      const exchange = unique("dlx");
      await ch.assertExchange(exchange, "topic", { autoDelete: true });
      const [queue, dead] = [await declare(ch, "q", { deadLetterExchange: exchange }), await declare(ch, "dead")];
      await ch.bindQueue(dead, exchange, "a.#");
      await ch.bindQueue(queue, "amq.topic", "#");
      for (const key of ["a.1", "b.1"]) ch.publish("amq.topic", key, Buffer.from(key));
      ch.nack(await get(ch, queue), false, false);
      ch.nack(await get(ch, queue), false, false);
      const message = await get(ch, dead);
      expect(message.fields).toMatchObject({ exchange, routingKey: "a.1" });
      await count(ch, dead, 0);
    });

    test("does not circle by itself", async () => {
      const ch = await channel();
      const queue = unique("circle");
      declared.add(queue);
      await ch.assertQueue(queue, { messageTtl: 30, deadLetterExchange: "", deadLetterRoutingKey: queue });
      ch.sendToQueue(queue, Buffer.from("x"));
      await ch.waitForConfirms();
      await count(ch, queue, 0);
    });

    test("outlasts kill -9 of the broker in its new queue", async ({ skip }) => {
      if (!broker.killable) skip("this broker is not killed here");
      const ch = await channel();
      const [queue, dead] = await pair(ch);
      ch.sendToQueue(queue, Buffer.from("x"), { persistent: true });
      await ch.waitForConfirms();
      ch.nack(await get(ch, queue), false, false);
      await count(ch, dead, 1);
      // The dead letter has no confirm; a confirmed message behind it in the same log has.
      ch.sendToQueue(dead, Buffer.from("y"), { persistent: true });
      await ch.waitForConfirms();
      await broker.kill9();
      await broker.restart();
      const after = await channel();
      const found = [await get(after, dead), await get(after, dead)].map((each) => each.content.toString());
      expect(found.sort()).toEqual(["x", "y"]);
    });
  });

  test("a poison message leaves a quorum queue after its limit, with every try counted", async () => {
    const ch = await channel();
    const [queue, dead] = await pair(ch, {
      durable: true,
      arguments: { "x-queue-type": "quorum", "x-delivery-limit": 2 },
    });
    ch.sendToQueue(queue, Buffer.from("poison"), { persistent: true });
    await ch.waitForConfirms();
    const counts: unknown[] = [];
    await ch.consume(queue, (message) => {
      if (message === null) return;
      counts.push(message.properties.headers?.["x-delivery-count"]);
      ch.nack(message, false, true);
    });
    const message = await get(ch, dead);
    expect(counts).toEqual([undefined, 1, 2]);
    expect(deathsOf(message)).toMatchObject([{ reason: "delivery_limit", queue }]);
  });

  describe("exclusivity", () => {
    test("keeps other connections away (405), and the queue ends with its connection", async () => {
      const [mine, other] = [await channel(), await channel()];
      const { queue } = await mine.assertQueue("", { exclusive: true });
      expect(queue).toMatch(/^amq\.gen-/);
      const refused = await other.checkQueue(queue).catch((thrown: { code?: number }) => thrown.code);
      expect(refused).toBe(405);
      await open[0]?.close();
      await eventually(async () => {
        const probe = await amqp.connect(broker.url);
        const ch = await probe.createChannel();
        ch.on("error", () => undefined);
        const code = await ch.checkQueue(queue).then(
          () => 0,
          (thrown: { code?: number }) => thrown.code,
        );
        await probe.close();
        return code === 404 ? true : undefined;
      }, "the queue is gone");
    });
  });

  test("an auto-delete queue goes with its last consumer", async () => {
    const ch = await channel();
    const { queue } = await ch.assertQueue("", { autoDelete: true });
    const { consumerTag } = await ch.consume(queue, () => undefined);
    await ch.cancel(consumerTag);
    const code = await ch.checkQueue(queue).then(
      () => 0,
      (thrown: { code?: number }) => thrown.code,
    );
    expect(code).toBe(404);
  });

  test("purge removes what waits and leaves what is handed out", async () => {
    const ch = await channel();
    const queue = await declare(ch, "q");
    for (const body of ["a", "b", "c"]) ch.sendToQueue(queue, Buffer.from(body));
    await ch.waitForConfirms();
    const taken = await get(ch, queue);
    expect((await ch.purgeQueue(queue)).messageCount).toBe(2);
    ch.nack(taken, false, true);
    await count(ch, queue, 1);
  });
});
