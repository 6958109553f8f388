/** `bus tail` on the embedded broker. */
import amqp from "amqplib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startTestBus, type TestBus } from "../../support/bus.ts";
import { eventually } from "../../support/clock.ts";
import { openShell, type Running, type Shell } from "./shoal.ts";

let bus: TestBus;
let shell: Shell;
beforeEach(async () => {
  bus = await startTestBus();
  shell = await openShell({ SHOAL_AMQP_URL: bus.url });
});
afterEach(async () => {
  await shell.leave();
  await bus.stop();
});

const says = (running: Running, text: string): Promise<true> =>
  eventually(() => running.written().out.includes(text) || undefined, `${text}: ${running.written().err}`);

async function publish(...messages: readonly (readonly [key: string, content: string])[]): Promise<void> {
  const connection = await amqp.connect(bus.url);
  const channel = await connection.createConfirmChannel();
  await channel.assertExchange("dory.output", "topic", { durable: true });
  for (const [key, content] of messages)
    channel.publish("dory.output", key, Buffer.from(content), { headers: { epoch: 3 } });
  await channel.waitForConfirms();
  await connection.close();
}

test("shows what matches, also what is no JSON and what would steer the terminal, and leaves no queue behind", async () => {
  await publish();
  const running = shell.start("bus", "tail", "prc-1.#", "*.alarm.#", "-o", "json");
  await eventually(() => (bus.stats.consumers === 1 ? true : undefined), "the tail listens");
  await publish(
    ["prc-1.reading.u", '{"payload":{"t":21}}'],
    ["prc-2.reading.u", "{}"],
    ["prc-2.alarm.u", "no json \u001b[2J"],
  );
  await says(running, "no json");
  running.process.kill("SIGINT");
  const ended = await running.ended;
  expect(ended).toMatchObject({ code: 0, err: "" });
  expect(
    ended.out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual([
    { routing_key: "prc-1.reading.u", headers: { epoch: 3 }, message: { payload: { t: 21 } } },
    { routing_key: "prc-2.alarm.u", headers: { epoch: 3 }, message: "no json \u001b[2J" },
  ]);
  expect(ended.out).not.toContain("\u001b");
  await eventually(() => (bus.stats.queues === 0 ? true : undefined), "the queue is gone");
});

test("a broker that goes away, and one that is not there, are told", async () => {
  await publish();
  const running = shell.start("bus", "tail");
  await eventually(() => (bus.stats.consumers === 1 ? true : undefined), "the tail listens");
  await bus.stop();
  expect(await running.ended).toMatchObject({ code: 7, err: expect.stringContaining("error: the bus: ") });
  const ended = await shell.run("bus", "tail");
  expect(ended).toMatchObject({ code: 7, out: "", err: expect.stringContaining("ECONNREFUSED") });
  expect(ended.err).not.toMatch(/^ +at /m);
  bus = await startTestBus();
});
