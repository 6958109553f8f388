/** Confirms, returns, redelivery, prefetch: what publishers and consumers rely on. */
import amqp, { type Channel, type ConfirmChannel, type ConsumeMessage, type GetMessage } from "amqplib";
import { afterEach, expect, test } from "vitest";
import { EMPTY_TABLE } from "@shoal/emulator/bus/wire/fields.ts";
import { describeOnBrokers, unique } from "../../support/brokers.ts";
import { eventually } from "../../support/clock.ts";
import { rawClient } from "./raw-client.ts";

describeOnBrokers("messages", (broker) => {
  const open: { close(): Promise<unknown> }[] = [];
  const channel = async (): Promise<ConfirmChannel> => {
    const connection = await amqp.connect(broker.url);
    connection.on("error", () => undefined);
    open.push(connection);
    const opened = await connection.createConfirmChannel();
    opened.on("error", () => undefined);
    return opened;
  };
  afterEach(async () => {
    await Promise.all(open.splice(0).map((each) => each.close().catch(() => undefined)));
  });
  const get = (from: Channel, queue: string): Promise<GetMessage> =>
    eventually(async () => (await from.get(queue)) || undefined, `a message in ${queue}`);
  const textOf = (message: { content: Buffer }): string => message.content.toString();

  test("properties and headers of every type come through as they were", async () => {
    const ch = await channel();
    const queue = unique("q");
    await ch.assertQueue(queue, { exclusive: true });
    const headers = {
      text: "ü",
      whole: 7,
      big: 2 ** 40,
      half: 0.5,
      yes: true,
      nothing: null,
      list: [1, "a"],
      deep: { a: { b: 1 } },
    };
    const properties = {
      contentType: "application/json",
      contentEncoding: "utf8",
      deliveryMode: 1,
      priority: 3,
      correlationId: "c",
      replyTo: "r",
      messageId: "m",
      timestamp: 1_800_000_000,
      type: "t",
      appId: "a",
      userId: "guest",
    };
    ch.sendToQueue(queue, Buffer.from("x"), { ...properties, headers });
    await ch.waitForConfirms();
    const message = await get(ch, queue);
    expect(message.properties).toMatchObject({ ...properties, headers });
  });

  test("an unroutable mandatory message comes back with 312 before its confirm; one that is not mandatory is only confirmed", async () => {
    const client = await rawClient(broker.url);
    await client.call(1, "confirm.select", { nowait: false }, "confirm.select-ok");
    client.publish(1, { exchange: "amq.topic", routingKey: unique("nowhere"), mandatory: true }, "back", {
      messageId: "1",
    });
    const back = await client.expect("basic.return");
    expect(back.args).toMatchObject({ code: 312, text: "NO_ROUTE", exchange: "amq.topic" });
    expect(back.properties).toEqual({ messageId: "1" });
    expect(back.body?.toString()).toBe("back");
    expect((await client.expect("basic.ack")).args.deliveryTag).toBe(1n);
    client.publish(1, { exchange: "amq.topic", routingKey: unique("nowhere") }, "gone");
    expect((await client.expect("basic.ack")).args.deliveryTag).toBe(2n);
    client.close();
  });

  test("every publication is confirmed once, in batches or not", async () => {
    const client = await rawClient(broker.url);
    const queue = unique("q");
    await client.queue(1, queue, { durable: true });
    await client.call(1, "confirm.select", { nowait: false }, "confirm.select-ok");
    for (let index = 0; index < 500; index++) client.publish(1, { routingKey: queue }, "x", { deliveryMode: 2 });
    const open = new Set(Array.from({ length: 500 }, (_, index) => BigInt(index + 1)));
    while (open.size > 0) {
      const { args } = await client.expect("basic.ack");
      for (const tag of open)
        if (tag === args.deliveryTag || (args.multiple && tag <= args.deliveryTag)) open.delete(tag);
    }
    await client.call(
      1,
      "queue.delete",
      { reserved: 0, queue, ifUnused: false, ifEmpty: false, nowait: false },
      "queue.delete-ok",
    );
    expect(client.heard).toEqual([]);
    client.close();
  });

  test("what a closed channel had not acknowledged comes again, in its place and marked", async () => {
    const [first, second] = [await channel(), await channel()];
    const queue = unique("q");
    await first.assertQueue(queue, { autoDelete: false });
    for (const body of ["a", "b", "c", "d"]) first.sendToQueue(queue, Buffer.from(body));
    await first.waitForConfirms();
    const taken: ConsumeMessage[] = [];
    await second.prefetch(3);
    await second.consume(queue, (message) => message !== null && taken.push(message));
    await eventually(() => (taken.length === 3 ? true : undefined), "three deliveries");
    await second.close();
    const again: [string, boolean][] = [];
    for (let index = 0; index < 4; index++) {
      const message = await get(first, queue);
      again.push([textOf(message), message.fields.redelivered]);
    }
    expect(again).toEqual([
      ["a", true],
      ["b", true],
      ["c", true],
      ["d", false],
    ]);
    await first.deleteQueue(queue);
  });

  test("a message put back is delivered again before what came after it", async () => {
    const ch = await channel();
    const queue = unique("q");
    await ch.assertQueue(queue, { exclusive: true });
    for (const body of ["a", "b"]) ch.sendToQueue(queue, Buffer.from(body));
    await ch.waitForConfirms();
    const message = await get(ch, queue);
    ch.nack(message, false, true);
    expect(textOf(await get(ch, queue))).toBe("a");
    expect(textOf(await get(ch, queue))).toBe("b");
  });

  test("recover hands out again what is not acknowledged", async () => {
    const ch = await channel();
    const queue = unique("q");
    await ch.assertQueue(queue, { exclusive: true });
    ch.sendToQueue(queue, Buffer.from("a"));
    const message = await get(ch, queue);
    expect(message.fields.redelivered).toBe(false);
    await ch.recover();
    expect((await get(ch, queue)).fields.redelivered).toBe(true);
  });

  test("prefetch bounds each consumer, the global one all of the channel", async () => {
    const ch = await channel();
    const queue = unique("q");
    await ch.assertQueue(queue, { exclusive: true });
    for (let index = 0; index < 20; index++) ch.sendToQueue(queue, Buffer.from(String(index)));
    await ch.waitForConfirms();
    const taken: ConsumeMessage[] = [];
    await ch.prefetch(4);
    await ch.consume(queue, (message) => message !== null && taken.push(message));
    await ch.consume(queue, (message) => message !== null && taken.push(message));
    await eventually(() => (taken.length === 8 ? true : undefined), "four for each");
    await ch.prefetch(5, true);
    ch.ack(taken[7] as ConsumeMessage, true);
    await eventually(() => (taken.length === 13 ? true : undefined), "five for both");
    expect((await ch.checkQueue(queue)).messageCount).toBe(7);
    expect(new Set(taken.map(textOf)).size).toBe(13);
  });

  test("consumers take turns, and a cancelled one gets no more", async () => {
    const ch = await channel();
    const queue = unique("q");
    await ch.assertQueue(queue, { exclusive: true });
    const got: string[][] = [[], []];
    const tags = await Promise.all(
      got.map((mine) =>
        ch.consume(queue, (message) => message !== null && mine.push(textOf(message)), { noAck: true }),
      ),
    );
    for (let index = 0; index < 10; index++) ch.sendToQueue(queue, Buffer.from(String(index)));
    await eventually(() => (got.flat().length === 10 ? true : undefined), "ten deliveries");
    expect(got.map((mine) => mine.length)).toEqual([5, 5]);
    await ch.cancel(tags[0]?.consumerTag ?? "");
    ch.sendToQueue(queue, Buffer.from("last"));
    await eventually(() => (got[1]?.includes("last") === true ? true : undefined), "the other one gets it");
  });

  test("the consumer of higher priority is served first", async () => {
    const ch = await channel();
    const queue = unique("q");
    await ch.assertQueue(queue, { exclusive: true });
    const got: Record<string, number> = { low: 0, high: 0 };
    await ch.prefetch(2);
    await ch.consume(queue, () => (got["low"] = (got["low"] ?? 0) + 1), { arguments: { "x-priority": 1 } });
    await ch.consume(queue, () => (got["high"] = (got["high"] ?? 0) + 1), { arguments: { "x-priority": 9 } });
    for (let index = 0; index < 3; index++) ch.sendToQueue(queue, Buffer.from("x"));
    await eventually(() => (got["high"] === 2 && got["low"] === 1 ? true : undefined), "two for the high one");
  });

  test("a consumer is told when its queue is deleted", async () => {
    const [ch, other] = [await channel(), await channel()];
    const queue = unique("q");
    await ch.assertQueue(queue);
    const told = new Promise((resolve) => void ch.consume(queue, (message) => message === null && resolve(true)));
    await ch.checkQueue(queue);
    await other.deleteQueue(queue);
    expect(await told).toBe(true);
  });

  test("an exclusive consumer shares with nobody", async () => {
    const client = await rawClient(broker.url);
    const queue = unique("q");
    await client.queue(1, queue, { exclusive: true });
    const consume = {
      reserved: 0,
      queue,
      consumerTag: "a",
      noLocal: false,
      noAck: true,
      exclusive: true,
      nowait: false,
      arguments: EMPTY_TABLE,
    };
    await client.call(1, "basic.consume", consume, "basic.consume-ok");
    const refused = await client.call(
      1,
      "basic.consume",
      { ...consume, consumerTag: "b", exclusive: false },
      "channel.close",
    );
    expect(refused.args.code).toBe(403);
    client.close();
  });
});
