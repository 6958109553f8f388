/**
 * The queues of a durable subscriber: its own, one per pause that sends back what has waited, and the parking queue. The
 * pause is part of the name, since a queue cannot be declared anew with another.
 */
import type { Channel } from "amqplib";
import { declareOutput } from "@shoal/bus/index.ts";
import type { DurationMs } from "@shoal/shared/base/time.ts";
import { OUTPUT_EXCHANGE } from "@shoal/shared/wire/envelope.ts";

export const retryQueue = (queue: string, pause: DurationMs): string => `${queue}.retry.${pause}`;
export const parkingQueue = (queue: string): string => `${queue}.parked`;

/** Of a queue that nobody keeps, the broker keeps the newest. */
const LONGEST_TEMPORARY = 10_000;

/** Returns the name of the queue to read. */
export async function declareQueues(
  channel: Channel,
  {
    queue,
    patterns,
    retryAfter,
  }: { queue: string | undefined; patterns: readonly string[]; retryAfter: readonly DurationMs[] },
): Promise<string> {
  await declareOutput(channel);
  const own =
    queue === undefined
      ? (await channel.assertQueue("", { exclusive: true, autoDelete: true, maxLength: LONGEST_TEMPORARY })).queue
      : (await channel.assertQueue(queue, { durable: true })).queue;
  if (queue !== undefined) {
    await channel.assertQueue(parkingQueue(queue), { durable: true });
    for (const pause of new Set(retryAfter)) {
      await channel.assertQueue(retryQueue(queue, pause), {
        durable: true,
        messageTtl: pause,
        deadLetterExchange: "",
        deadLetterRoutingKey: queue,
      });
    }
  }
  for (const pattern of patterns) await channel.bindQueue(own, OUTPUT_EXCHANGE, pattern);
  return own;
}
