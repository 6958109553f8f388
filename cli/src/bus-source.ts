/** Listens on the bus: a queue of our own, bound to what is asked for, that vanishes with the connection. */
import { on } from "node:events";
import { connect, type ConsumeMessage } from "amqplib";
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";

const EXCHANGE = "dory.output";
/** Unacknowledged messages on their way to us: what the terminal cannot take stays with the broker. */
const PREFETCH = 100;
/** Of a queue that nobody empties, the broker keeps the newest. */
const LONGEST_QUEUE = 10_000;

export interface BusMessage {
  readonly routing_key: string;
  readonly headers: Readonly<Record<string, unknown>>;
  /** The envelope, or the text where it is no JSON. */
  readonly message: unknown;
}

/** Ends with the signal. Throws `unavailable` where the broker is not there or goes away. */
export async function* tail(url: string, patterns: readonly string[], signal: AbortSignal): AsyncGenerator<BusMessage> {
  const gone = new AbortController();
  const until = AbortSignal.any([signal, gone.signal]);
  const connection = await connect(url, { timeout: 10_000 }).catch((thrown: unknown) => {
    throw unavailable(thrown);
  });
  try {
    connection.on("error", (thrown: Error) => gone.abort(thrown));
    connection.on("close", () => gone.abort(new Error("the broker closed the connection")));
    const channel = await connection.createChannel();
    channel.on("error", (thrown: Error) => gone.abort(thrown));
    await channel.prefetch(PREFETCH);
    const { queue } = await channel.assertQueue("", { exclusive: true, autoDelete: true, maxLength: LONGEST_QUEUE });
    // Nobody may have published yet: the exchange is the same, whoever comes first.
    await channel.assertExchange(EXCHANGE, "topic", { durable: true });
    for (const pattern of patterns) await channel.bindQueue(queue, EXCHANGE, pattern);
    const deliveries = on(channel, "delivery", { signal: until });
    await channel.consume(queue, () => undefined);
    for await (const [message] of deliveries as AsyncIterable<[ConsumeMessage]>) {
      yield read(message);
      channel.ack(message);
    }
  } catch (thrown) {
    if (!signal.aborted) throw unavailable(gone.signal.aborted ? gone.signal.reason : thrown);
  } finally {
    await connection.close().catch(() => undefined);
  }
}

function unavailable(thrown: unknown): ShoalError {
  return new ShoalError("unavailable", `the bus: ${messageOf(thrown)}`, { cause: thrown });
}

function read({ content, fields, properties }: ConsumeMessage): BusMessage {
  const text = content.toString("utf8");
  const headers = (properties.headers ?? {}) as Record<string, unknown>;
  try {
    return { routing_key: fields.routingKey, headers, message: JSON.parse(text) as unknown };
  } catch {
    return { routing_key: fields.routingKey, headers, message: text };
  }
}
