/** What the broker bounds: connections, sockets, memory, disk and backlog; and that each refusal leaves it serving. */
import { connect } from "node:net";
import amqp from "amqplib";
import { afterEach, describe, expect, test } from "vitest";
import { EMPTY_TABLE } from "@shoal/emulator/bus/wire/fields.ts";
import { contentFrames } from "@shoal/emulator/bus/wire/frames.ts";
import { writeProperties } from "@shoal/emulator/bus/wire/properties.ts";
import { RawClient, rawClient } from "../../../conformance/bus/raw-client.ts";
import { startTestBus, type TestBus } from "../../../support/bus.ts";
import { eventually } from "../../../support/clock.ts";

const running: TestBus[] = [];
const clients: RawClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await Promise.all(running.splice(0).map((bus) => bus.stop()));
});
/** A client that goes when its test does: a broker that stops waits for those who do not answer. */
const clientOf = async (bus: TestBus): Promise<RawClient> => {
  const client = await rawClient(bus.url);
  clients.push(client);
  return client;
};
const start = async (limits: NonNullable<Parameters<typeof startTestBus>[0]>["limits"] = {}): Promise<TestBus> => {
  const bus = await startTestBus({ limits });
  running.push(bus);
  return bus;
};
const consume = (queue: string) => ({
  reserved: 0,
  queue,
  consumerTag: "",
  noLocal: false,
  noAck: true,
  exclusive: false,
  nowait: false,
  arguments: EMPTY_TABLE,
});

describe("bounds", () => {
  test("on connections: one more is refused with 530, and let in once another has gone", async () => {
    const bus = await start({ connections: 2 });
    const [first] = [await clientOf(bus), await clientOf(bus)];
    const third = new RawClient(bus.url);
    await third.login();
    await third.expect("connection.tune");
    third.send(0, "connection.tune-ok", { channelMax: 0, frameMax: 0, heartbeat: 0 });
    third.send(0, "connection.open", { vhost: "/", reserved1: "", reserved2: false });
    expect((await third.expect("connection.close")).args).toMatchObject({ code: 530 });
    third.close();
    first.close();
    await eventually(() => (bus.stats.connections === 1 ? true : undefined), "the others are gone");
    await clientOf(bus);
  });

  test("on strangers: who says nothing is shown out", async () => {
    const bus = await start({ handshakeMs: 50 });
    const socket = connect(bus.port, "127.0.0.1");
    await new Promise((resolve) => socket.on("close", resolve));
    expect(bus.stats.connections).toBe(0);
  });

  test("on one message: a larger one is refused with 406 before its body has come", async () => {
    const bus = await start({ messageBytes: 1000 });
    const client = await clientOf(bus);
    client.publish(1, { routingKey: "q" }, Buffer.alloc(1001));
    expect((await client.expect("channel.close")).args.code).toBe(406);
  });

  test("on unfinished messages: their sender is ended with 506", async () => {
    const bus = await start({ partialBytes: 10_000 });
    const client = await clientOf(bus);
    for (let id = 2; id < 12; id++) await client.channel(id);
    for (let id = 2; id < 12; id++) {
      client.send(id, "basic.publish", {
        reserved: 0,
        exchange: "",
        routingKey: "q",
        mandatory: false,
        immediate: false,
      });
      const frames = contentFrames(id, writeProperties({}), Buffer.alloc(4000), 2000 + 8);
      client.socket.write(frames.subarray(0, -2008));
    }
    expect((await client.expect("connection.close")).args.code).toBe(506);
    await clientOf(bus);
  });

  test("on a consumer that does not read: its messages wait in the queue, and others are served", async () => {
    const bus = await start({ socketBytes: 100_000 });
    const [slow, other] = [await clientOf(bus), await clientOf(bus)];
    await slow.queue(1, "q", { durable: true });
    await slow.call(1, "basic.consume", consume("q"), "basic.consume-ok");
    slow.socket.pause();
    const body = Buffer.alloc(50_000, 1);
    const count = 400;
    await other.call(1, "confirm.select", { nowait: false }, "confirm.select-ok");
    for (let index = 0; index < count; index++) other.publish(1, { routingKey: "q" }, body, { deliveryMode: 2 });
    await eventually(() => (bus.stats.confirmed === count ? true : undefined), "all are confirmed");
    expect(bus.stats.delivered).toBeLessThan(count);
    expect(bus.stats.ready).toBeGreaterThan(0);
    slow.socket.resume();
    await eventually(() => (bus.stats.delivered === count ? true : undefined), "it reads again and gets the rest");
    await eventually(() => (slow.heard.length === count ? true : undefined), "whole");
  });

  test("on a publisher that does not read what comes back: it is not read from, and goes on once it reads", async () => {
    const bus = await start({ socketBytes: 50_000, messageBytes: 50_000 });
    const client = await clientOf(bus);
    const count = 1000;
    client.socket.pause();
    for (let index = 0; index < count; index++)
      client.publish(1, { exchange: "amq.topic", routingKey: "nowhere", mandatory: true }, Buffer.alloc(40_000));
    const other = await clientOf(bus);
    await eventually(() => (bus.stats.returned > 0 ? true : undefined), "it has begun");
    for (let id = 2; id < 20; id++) await other.channel(id);
    expect(bus.stats.returned).toBeLessThan(count);
    client.socket.resume();
    await eventually(() => (client.heard.length === count ? true : undefined), "all come back");
  });

  test("on memory: a backlog far beyond it is kept, in order, and memory stays within", async () => {
    const residentBytes = 1_000_000;
    const bus = await start({ residentBytes, segmentBytes: 4_000_000 });
    const connection = await amqp.connect(bus.url);
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue("transient", { durable: false });
    await channel.assertQueue("durable", { durable: true });
    for (let index = 0; index < 1000; index++)
      for (const queue of ["transient", "durable"])
        channel.sendToQueue(queue, Buffer.from(String(index).padEnd(10_000)), { persistent: queue === "durable" });
    await channel.waitForConfirms();
    await eventually(() => (bus.stats.residentBytes <= residentBytes ? true : undefined), "memory is given back");
    for (const queue of ["transient", "durable"]) {
      const got: number[] = [];
      const { consumerTag } = await channel.consume(
        queue,
        (message) => {
          if (message !== null) got.push(Number(message.content.toString()));
        },
        { noAck: true },
      );
      await eventually(() => (got.length === 1000 ? true : undefined), `the backlog of ${queue}`);
      expect(got).toEqual(Array.from({ length: 1000 }, (_, index) => index));
      await channel.cancel(consumerTag);
    }
    expect(bus.stats).toMatchObject({ residentBytes: 0, aliveBytes: 0 });
    await connection.close();
  });

  test("on the backlog: publishers are told to wait, and go on once consumers have caught up", async () => {
    const bus = await start({ backlogMessages: 100 });
    const [publisher, reader] = [await clientOf(bus), await clientOf(bus)];
    await reader.queue(1, "q", { durable: true });
    for (let index = 0; index < 300; index++) publisher.publish(1, { routingKey: "q" }, "x");
    expect((await publisher.expect("connection.blocked")).args.reason).toMatch(/wait for consumers/);
    expect(bus.stats.ready).toBe(101);
    await reader.call(1, "basic.consume", consume("q"), "basic.consume-ok");
    await publisher.expect("connection.unblocked");
    await eventually(() => (bus.stats.delivered === 300 ? true : undefined), "all get through");
  });

  test("on the disk: publishers are told to wait while little is free; consumers are served", async () => {
    const bus = await start({ diskFreeBytes: Number.MAX_SAFE_INTEGER });
    const client = await clientOf(bus);
    await client.queue(1, "q", { exclusive: true });
    client.publish(1, { routingKey: "q" }, "x");
    expect((await client.expect("connection.blocked")).args.reason).toBe("low on disk");
    expect(bus.stats.blocked).toBe("low on disk");
    const reader = await clientOf(bus);
    await reader.queue(1, "other", { exclusive: true });
  });
});
