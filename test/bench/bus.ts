/**
 * Confirmed publishing: the SDK's publisher against raw amqplib with the same window, bytes and headers, each round's
 * publisher in a process of its own, on RabbitMQ where it is installed. A durable queue is read beside it by a consumer that
 * drops repeats; a round whose effects are not exactly the events that were said is no round.
 */
import amqp from "amqplib";
import { embeddedBroker } from "../support/brokers.ts";
import { eventually } from "../support/clock.ts";
import { isRabbitMqInstalled, startRabbitMq } from "../support/rabbitmq.ts";
import { against, interleaved, type Bench, type BenchOptions, type BenchRow } from "./harness.ts";
import type { PublishPlan, PublishReport } from "./support/publish-main.ts";
import { runChild } from "./support/child.ts";

const EVENTS = 20_000;
const WINDOW = 1000;
const GOAL = 0.9;
const PROGRAM = new URL("./support/publish-main.ts", import.meta.url);

interface Broker {
  readonly name: string;
  readonly url: string;
  stop(): Promise<void>;
}

async function startBroker(): Promise<Broker> {
  if (isRabbitMqInstalled()) {
    const rabbit = await startRabbitMq();
    return { name: "RabbitMQ", url: rabbit.url, stop: () => rabbit.stop() };
  }
  const broker = embeddedBroker();
  await broker.start();
  return { name: "the embedded broker", url: broker.url, stop: () => broker.stop() };
}

/** One round: returns the report once every event has taken effect once. */
async function round(url: string, plan: PublishPlan): Promise<PublishReport> {
  const connection = await amqp.connect(url);
  try {
    const channel = await connection.createChannel();
    const queue = `bench-${plan.processorId}`;
    await channel.assertExchange("dory.output", "topic", { durable: true });
    await channel.assertQueue(queue, { durable: true });
    await channel.bindQueue(queue, "dory.output", `${plan.processorId}.#`);
    await channel.prefetch(WINDOW);
    const seen = new Set<string>();
    let sum = 0;
    await channel.consume(queue, (message) => {
      if (message === null) return;
      const { message_id: id, payload } = JSON.parse(message.content.toString()) as {
        message_id: string;
        payload: { n: number };
      };
      if (!seen.has(id)) sum += payload.n;
      seen.add(id);
      channel.ack(message);
    });
    const report = await runChild<PublishReport>(PROGRAM, plan);
    await eventually(() => (seen.size >= plan.events ? true : undefined), "every event has arrived", 60_000);
    const expected = (plan.events * (plan.events - 1)) / 2;
    if (seen.size !== plan.events || sum !== expected)
      throw new Error(
        `${plan.contestant}: ${seen.size} effects with the sum ${sum}, not ${plan.events} with ${expected}`,
      );
    await channel.deleteQueue(queue);
    return report;
  } finally {
    await connection.close();
  }
}

async function run({ rounds, log }: BenchOptions): Promise<BenchRow[]> {
  const broker = await startBroker();
  try {
    const of = (contestant: PublishPlan["contestant"]) => (n: number) =>
      round(broker.url, {
        contestant,
        url: broker.url,
        processorId: `${contestant}-${n}`,
        events: EVENTS,
        window: WINDOW,
      });
    const results = await interleaved(rounds, { sdk: of("sdk"), amqplib: of("amqplib") }, (name, n, report) =>
      log(`round ${n + 1}: ${name} ${report.perSecond.toFixed(0)}/s, ${report.cpuUs.toFixed(1)} us CPU each`),
    );
    const peer = `amqplib 2.3.1, window ${WINDOW}, on ${broker.name}`;
    const rates = (reports: readonly PublishReport[]): number[] => reports.map(({ perSecond }) => perSecond);
    const cpus = (reports: readonly PublishReport[]): number[] => reports.map(({ cpuUs }) => cpuUs);
    return [
      against(
        { bench: "bus", metric: "confirmed publish, 1 KB", unit: "events/s" },
        rates(results.sdk),
        { name: peer, values: rates(results.amqplib) },
        { text: `>= ${GOAL}x`, pass: (ratio) => ratio >= GOAL },
      ),
      against(
        { bench: "bus", metric: "CPU of the publisher", unit: "us/event", digits: 1 },
        cpus(results.sdk),
        { name: peer, values: cpus(results.amqplib) },
        { text: "-", pass: () => true },
      ),
    ];
  } finally {
    await broker.stop();
  }
}

export const bench: Bench = {
  name: "bus",
  describe: "confirmed publishing through the SDK and through raw amqplib, read by a consumer that drops repeats",
  run,
};
