/** basic.publish: the method, its content header, its body, and what the publisher hears of it. */
import type { Channel, Incoming } from "../channel.ts";
import { AmqpError, REPLY } from "../wire/errors.ts";
import type { Arguments } from "../wire/methods.ts";
import { readProperties } from "../wire/properties.ts";

const EMPTY = Buffer.alloc(0);

/** 2^32 - 1 ms, as for queues. */
const LONGEST = 4_294_967_295;

export function beginPublication(channel: Channel, args: Arguments<"basic.publish">): void {
  if (args.immediate) throw new AmqpError("NOT_IMPLEMENTED", "immediate=true");
  channel.connection.publishes = true;
  channel.incoming = { args, properties: undefined, size: 0, pieces: [], got: 0 };
}

/** The content header: class, weight, body size, properties. */
export function takeHeader(channel: Channel, payload: Buffer): void {
  const { incoming } = channel;
  if (incoming === undefined || incoming.properties !== undefined)
    throw new AmqpError("UNEXPECTED_FRAME", "expected a method frame, got a content header");
  if (payload.length < 14 || payload.readUInt16BE(0) !== 60)
    throw new AmqpError("UNEXPECTED_FRAME", "a content header of another class");
  const size = payload.readUInt32BE(4) * 2 ** 32 + payload.readUInt32BE(8);
  const most = channel.broker.limits.messageBytes;
  if (size > most) {
    throw new AmqpError("PRECONDITION_FAILED", `message size ${size} is larger than configured max size ${most}`);
  }
  incoming.properties = Buffer.from(payload.subarray(12));
  incoming.size = size;
  if (size === 0) finish(channel, incoming, incoming.properties);
}

export function takeBody(channel: Channel, payload: Buffer): void {
  const { incoming } = channel;
  if (incoming?.properties === undefined)
    throw new AmqpError("UNEXPECTED_FRAME", "expected a method frame, got a content body");
  incoming.got += payload.length;
  if (incoming.got > incoming.size) throw new AmqpError("FRAME_ERROR", "a body longer than its header said");
  // One that is whole is copied into its record at once; pieces outlive the socket's chunk.
  const whole = incoming.pieces.length === 0 && incoming.got === incoming.size;
  incoming.pieces.push(whole ? payload : Buffer.from(payload));
  if (!whole) channel.connection.partialBytes += payload.length;
  const most = channel.broker.limits.partialBytes;
  if (channel.connection.partialBytes > most)
    throw new AmqpError("RESOURCE_ERROR", `unfinished messages of more than ${most} bytes`);
  if (incoming.got === incoming.size) finish(channel, incoming, incoming.properties);
}

/** Forgets the publication under way. */
export function dropIncoming(channel: Channel): void {
  const { incoming } = channel;
  if (incoming === undefined) return;
  // A body that came in one frame was never counted as partial.
  if (incoming.pieces.length > 1 || incoming.got < incoming.size) channel.connection.partialBytes -= incoming.got;
  channel.incoming = undefined;
}

function finish(channel: Channel, incoming: Incoming, bytes: Buffer): void {
  dropIncoming(channel);
  const { args, pieces } = incoming;
  const properties = readProperties(bytes);
  const { user } = channel.connection;
  if (properties.userId !== undefined && properties.userId !== user)
    throw new AmqpError(
      "PRECONDITION_FAILED",
      `user_id property set to '${properties.userId}' but authenticated user was '${user}'`,
    );
  const body =
    pieces.length === 0 ? EMPTY : Buffer.from(pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces));
  const published = channel.broker.publish({
    content: { exchange: args.exchange, routingKey: args.routingKey, properties: bytes, body },
    properties,
    expiration: expirationOf(properties.expiration),
  });
  if (!published.routed && args.mandatory) giveBack(channel, args, bytes, body);
  channel.confirm(published.ticket, published.refused);
}

function giveBack(channel: Channel, args: Arguments<"basic.publish">, properties: Buffer, body: Buffer): void {
  channel.broker.counts.returned += 1;
  const { exchange, routingKey } = args;
  channel.connection.sendContent(
    channel.id,
    "basic.return",
    { code: REPLY.NO_ROUTE, text: "NO_ROUTE", exchange, routingKey },
    properties,
    body,
  );
}

function expirationOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= LONGEST))
    throw new AmqpError("PRECONDITION_FAILED", `invalid expiration '${text}': wants a whole number of milliseconds`);
  return value;
}
