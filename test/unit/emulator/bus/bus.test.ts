/** The bus as whoever starts it sees it: where it listens, whose folder it is, how it fails on command, how it waits. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import amqp from "amqplib";
import { afterEach, describe, expect, test } from "vitest";
import { readRecord } from "@shoal/emulator/bus/store/record.ts";
import { long, text } from "@shoal/emulator/bus/wire/fields.ts";
import { RawClient, rawClient } from "../../../conformance/bus/raw-client.ts";
import { startTestBus, type TestBus } from "../../../support/bus.ts";
import { eventually } from "../../../support/clock.ts";
import { createVirtualClock, ms } from "../../../support/virtual-clock.ts";

const running: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of running.splice(0).reverse()) await each.stop();
});
const start = async (options: Parameters<typeof startTestBus>[0] = {}): Promise<TestBus> => {
  const bus = await startTestBus(options);
  running.push(bus);
  return bus;
};

describe("starting", () => {
  test("elsewhere than on loopback, without a user, on a port or a folder in use is refused in words", async () => {
    await expect(start({ host: "0.0.0.0" })).rejects.toMatchObject({ code: "invalid_argument", field: "host" });
    await expect(start({ users: {} })).rejects.toMatchObject({ code: "invalid_argument", field: "users" });
    const bus = await start();
    await expect(start({ port: bus.port })).rejects.toMatchObject({ code: "unavailable", field: "port" });
    await expect(start({ dataDir: bus.dataDir })).rejects.toMatchObject({ code: "conflict", field: "dataDir" });
  });

  test("with a damaged log is refused in words, and leaves port and folder free", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "shoal-bus-"));
    running.push({ stop: () => Promise.resolve(rmSync(dataDir, { recursive: true })) });
    writeFileSync(join(dataDir, "0000000001.log"), "not a log");
    writeFileSync(join(dataDir, "0000000002.log"), "");
    await expect(start({ dataDir })).rejects.toMatchObject({ code: "internal", field: "dataDir" });
    rmSync(join(dataDir, "0000000001.log"));
    await start({ dataDir });
  });

  test("again in the same folder finds what was there; the stop before told its clients why", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "shoal-bus-"));
    running.push({ stop: () => Promise.resolve(rmSync(dataDir, { recursive: true })) });
    const first = await startTestBus({ dataDir });
    const client = await rawClient(first.url);
    await client.queue(1, "q", { durable: true });
    client.publish(1, { routingKey: "q" }, "x", { deliveryMode: 2 });
    await eventually(() => (first.stats.ready === 1 ? true : undefined), "the message");
    const told = client.expect("connection.close").then(({ args }) => {
      client.send(0, "connection.close-ok", {});
      return args.code;
    });
    await first.stop();
    expect(await told).toBe(320);
    const second = await start({ dataDir });
    expect(second.stats).toMatchObject({ queues: 1, ready: 1 });
  });
});

test("a dead letter is in the log before its source is settled", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "shoal-bus-"));
  running.push({ stop: () => Promise.resolve(rmSync(dataDir, { recursive: true })) });
  const bus = await startTestBus({ dataDir });
  const client = await rawClient(bus.url);
  await client.queue(1, "dead", { durable: true });
  const args = new Map([
    ["x-dead-letter-exchange", text("")],
    ["x-dead-letter-routing-key", text("dead")],
  ]);
  await client.queue(1, "q", { durable: true, args });
  client.publish(1, { routingKey: "q" }, "x", { deliveryMode: 2 });
  const got = await client.call(1, "basic.get", { reserved: 0, queue: "q", noAck: false }, "basic.get-ok");
  client.send(1, "basic.reject", { deliveryTag: got.args.deliveryTag, requeue: false });
  await eventually(() => (bus.stats.deadLettered === 1 ? true : undefined), "the burial");
  client.close();
  await bus.stop();
  const log = readFileSync(join(dataDir, "0000000001.log"));
  const kinds: string[] = [];
  for (let at = 0; at < log.length;) {
    const read = readRecord(log, at);
    if (read === undefined) break;
    kinds.push(read.record.type);
    at += read.length;
  }
  expect(kinds).toEqual(["topology", "topology", "message", "delivered", "message", "settled"]);
});

describe("faults", () => {
  test("refuse and cut connections, until they are off", async () => {
    const bus = await start();
    const client = await rawClient(bus.url);
    expect(bus.faults.cutConnections()).toBe(1);
    await client.ended();
    bus.faults.refuseConnections = true;
    await expect(amqp.connect(bus.url)).rejects.toThrow(/closed|ECONNRESET|ended/);
    bus.faults.refuseConnections = false;
    await (await amqp.connect(bus.url)).close();
  });

  test("delay confirms, and drop them without losing the message", async () => {
    const bus = await start();
    const client = await rawClient(bus.url);
    await client.queue(1, "q", { durable: true });
    await client.call(1, "confirm.select", { nowait: false }, "confirm.select-ok");
    bus.faults.delayConfirmsMs = 100;
    const before = performance.now();
    client.publish(1, { routingKey: "q" }, "late", { deliveryMode: 2 });
    await client.expect("basic.ack");
    expect(performance.now() - before).toBeGreaterThanOrEqual(99);
    bus.faults.delayConfirmsMs = 0;
    bus.faults.dropConfirms = true;
    client.publish(1, { routingKey: "q" }, "never", { deliveryMode: 2 });
    await eventually(() => (bus.stats.ready === 2 ? true : undefined), "the message is kept");
    bus.faults.dropConfirms = false;
    client.publish(1, { routingKey: "q" }, "again", { deliveryMode: 2 });
    expect((await client.expect("basic.ack")).args).toEqual({ deliveryTag: 3n, multiple: false });
    client.close();
  });
});

describe("under a clock that is handed in", () => {
  const settled = (bus: TestBus, ready: number): Promise<true> =>
    eventually(() => (bus.stats.ready === ready ? true : undefined), `${ready} messages`);

  test("messages expire at their time, not before, also over a restart", async () => {
    const clock = createVirtualClock();
    const dataDir = mkdtempSync(join(tmpdir(), "shoal-bus-"));
    running.push({ stop: () => Promise.resolve(rmSync(dataDir, { recursive: true })) });
    const first = await startTestBus({ clock, dataDir });
    const client = await rawClient(first.url);
    await client.queue(1, "q", { durable: true, args: new Map([["x-message-ttl", long(10_000)]]) });
    client.publish(1, { routingKey: "q" }, "x", { deliveryMode: 2 });
    await settled(first, 1);
    await clock.advance(ms(9_000));
    expect(first.stats.ready).toBe(1);
    client.close();
    await eventually(() => (first.stats.connections === 0 ? true : undefined), "the client is gone");
    await first.stop();
    const second = await start({ clock, dataDir });
    await clock.advance(ms(999));
    expect(second.stats.ready).toBe(1);
    await clock.advance(ms(1));
    expect(second.stats.ready).toBe(0);
  });

  test("an unused queue goes at its time; use and consumers put it off", async () => {
    const clock = createVirtualClock();
    const bus = await start({ clock });
    const client = await rawClient(bus.url);
    const args = new Map([["x-expires", long(10_000)]]);
    await client.queue(1, "q", { args });
    await clock.advance(ms(9_000));
    await client.queue(1, "q", { args });
    await clock.advance(ms(9_000));
    expect(bus.stats.queues).toBe(1);
    await clock.advance(ms(1_000));
    expect(bus.stats.queues).toBe(0);
    client.close();
  });

  test("a silent peer is dropped after two intervals, one that speaks is not", async () => {
    const clock = createVirtualClock();
    const bus = await start({ clock });
    const [silent, alive] = [new RawClient(bus.url), new RawClient(bus.url)];
    await Promise.all([silent.open({ heartbeat: 10 }), alive.open({ heartbeat: 10 })]);
    for (let beat = 1; beat <= 6; beat++) {
      await clock.advance(ms(5_000));
      // Each answer is waited for, so that the broker has heard it before its clock goes on.
      await alive.channel(beat);
      await eventually(() => (alive.heartbeats >= Math.floor(beat / 2) ? true : undefined), "the broker's own beats");
    }
    await silent.ended();
    expect(alive.closed).toBe(false);
    alive.close();
  });
});
