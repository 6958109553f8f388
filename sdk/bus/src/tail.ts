/** Listens as messages pass: a queue of our own, bound to what is asked for, that vanishes with the connection. */
import { on } from "node:events";
import type { ConsumeMessage } from "amqplib";
import { seconds } from "@shoal/shared/base/time.ts";
import { OUTPUT_EXCHANGE } from "@shoal/shared/wire/envelope.ts";
import { busUnavailable, openConnection } from "./connection.ts";
import { declareOutput } from "./topology.ts";

/** Unacknowledged messages on their way to us: what the reader cannot take stays with the broker. */
const PREFETCH = 100;
/** Of a queue that nobody empties, the broker keeps the newest. */
const LONGEST_QUEUE = 10_000;

export interface PassingMessage {
  readonly routing_key: string;
  readonly headers: Readonly<Record<string, unknown>>;
  /** The envelope, or the text where it is no JSON. */
  readonly message: unknown;
}

/**
 * Everything as it passes, whatever it is: nothing is checked, dropped or taken away from anybody. Ends with the signal.
 * Throws `unavailable` where the broker is not there or goes away.
 */
export async function* tail(
  url: string,
  patterns: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<PassingMessage> {
  const gone = new AbortController();
  const until = AbortSignal.any([signal, gone.signal]);
  const connection = await openConnection(url, "shoal-tail", seconds(10));
  try {
    connection.on("error", (thrown: Error) => gone.abort(thrown));
    connection.on("close", () => gone.abort(new Error("the broker closed the connection")));
    const channel = await connection.createChannel();
    channel.on("error", (thrown: Error) => gone.abort(thrown));
    await declareOutput(channel);
    await channel.prefetch(PREFETCH);
    const { queue } = await channel.assertQueue("", { exclusive: true, autoDelete: true, maxLength: LONGEST_QUEUE });
    for (const pattern of patterns) await channel.bindQueue(queue, OUTPUT_EXCHANGE, pattern);
    const deliveries = on(channel, "delivery", { signal: until });
    await channel.consume(queue, () => undefined);
    for await (const [message] of deliveries as AsyncIterable<[ConsumeMessage]>) {
      yield read(message);
      channel.ack(message);
    }
  } catch (thrown) {
    if (!signal.aborted) throw busUnavailable(gone.signal.aborted ? gone.signal.reason : thrown);
  } finally {
    await connection.close().catch(() => undefined);
  }
}

function read({ content, fields, properties }: ConsumeMessage): PassingMessage {
  const text = content.toString("utf8");
  const headers = (properties.headers ?? {}) as Record<string, unknown>;
  try {
    return { routing_key: fields.routingKey, headers, message: JSON.parse(text) as unknown };
  } catch {
    return { routing_key: fields.routingKey, headers, message: text };
  }
}
