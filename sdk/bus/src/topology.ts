/** What everybody who speaks on the bus declares first, in the same words: two declarations that differ are an error. */
import type { Channel } from "amqplib";
import { OUTPUT_EXCHANGE } from "@shoal/shared/wire/envelope.ts";

export async function declareOutput(channel: Channel): Promise<void> {
  await channel.assertExchange(OUTPUT_EXCHANGE, "topic", { durable: true });
}
