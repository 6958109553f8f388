/** What the suites of the bus's SDKs share: a publisher by defaults, and a plain reader beside the SDK. */
import amqp from "amqplib";
import { Publisher, type PublisherInit } from "@shoal/processor/publisher/publisher.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { seeded } from "@shoal/shared/base/random.ts";
import { seconds } from "@shoal/shared/base/time.ts";
import { systemClock } from "../../support/clock.ts";

export function publisherOf(url: string, processorId: string, more: Partial<PublisherInit> = {}): Publisher {
  return new Publisher({
    url,
    processorId,
    epoch: 1,
    geohash: undefined,
    segmentLength: 3,
    ids: "repeatable",
    window: { count: 1000, bytes: 16 * 1024 * 1024 },
    acceptWithin: seconds(60),
    clock: systemClock,
    random: seeded(1),
    log: silentLog,
    ...more,
  });
}

/** A queue bound to `pattern`, durable so that it outlives the broker's death, and what is in it. */
export async function inbox(url: string, queue: string, pattern: string) {
  const connection = await amqp.connect(url);
  connection.on("error", () => undefined);
  const channel = await connection.createChannel();
  channel.on("error", () => undefined);
  await channel.assertExchange("dory.output", "topic", { durable: true });
  await channel.assertQueue(queue, { durable: true });
  await channel.bindQueue(queue, "dory.output", pattern);
  const messages: amqp.ConsumeMessage[] = [];
  await channel.consume(
    queue,
    (message) => {
      if (message === null) return;
      messages.push(message);
      channel.ack(message);
    },
    { noAck: false },
  );
  return {
    messages,
    close: async () => {
      await channel.deleteQueue(queue).catch(() => undefined);
      await connection.close().catch(() => undefined);
    },
    /** Leaves the queue where it is. */
    leave: () => connection.close().catch(() => undefined),
  };
}
