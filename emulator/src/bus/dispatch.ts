/** Frames of channels: opened, closed, and everything in between handed to the method tables. */
import { Channel } from "./channel.ts";
import type { Connection } from "./connection.ts";
import { basicMethods } from "./methods/basic.ts";
import { confirmMethods } from "./methods/confirm.ts";
import { exchangeMethods } from "./methods/exchange.ts";
import { beginPublication, takeBody, takeHeader } from "./methods/publish.ts";
import { queueMethods } from "./methods/queue.ts";
import type { Methods } from "./methods/table.ts";
import { AmqpError } from "./wire/errors.ts";
import { FRAME, type Frame } from "./wire/frames.ts";
import type { Method, MethodName } from "./wire/methods.ts";

const METHODS_BY_NAME: Methods = {
  ...exchangeMethods,
  ...queueMethods,
  ...basicMethods,
  ...confirmMethods,
  "basic.publish": beginPublication,
};

/** Throws what the connection turns into a close. */
export function handleChannelFrame(connection: Connection, frame: Frame, method: Method | undefined): void {
  const channel = connection.channels.get(frame.channel);
  if (channel?.closing === true) return whileClosing(connection, channel, method);
  if (channel === undefined) {
    if (method?.name !== "channel.open")
      // What a client had sent before it heard that its channel is closed goes by; a channel that never was does not.
      throw new AmqpError("CHANNEL_ERROR", `expected 'channel.open' on channel ${frame.channel}`);
    connection.channels.set(frame.channel, new Channel(frame.channel, connection));
    return connection.send(frame.channel, "channel.open-ok", { reserved: Buffer.alloc(0) });
  }
  if (frame.type === FRAME.HEADER) return takeHeader(channel, frame.payload);
  if (frame.type === FRAME.BODY) return takeBody(channel, frame.payload);
  if (channel.incoming !== undefined)
    throw new AmqpError("UNEXPECTED_FRAME", `expected content, got the method ${method?.name ?? "?"}`);
  if (method !== undefined) onMethod(connection, channel, method);
}

function onMethod(connection: Connection, channel: Channel, method: Method): void {
  if (method.name === "channel.open") throw new AmqpError("CHANNEL_ERROR", "second 'channel.open' seen");
  if (method.name === "channel.close") {
    channel.end();
    connection.channels.delete(channel.id);
    return connection.send(channel.id, "channel.close-ok", {});
  }
  if (method.name === "channel.close-ok") throw new AmqpError("CHANNEL_ERROR", "'channel.close-ok' without a close");
  const handler = METHODS_BY_NAME[method.name] as ((channel: Channel, args: unknown) => void) | undefined;
  if (handler === undefined) throw new AmqpError(...refusal(method.name));
  handler(channel, method.args);
}

/** `tx` is a method of the protocol that is not offered; the others are the broker's own to say, or channel 0's. */
function refusal(name: MethodName): ["NOT_IMPLEMENTED" | "COMMAND_INVALID", string] {
  return name.startsWith("tx.")
    ? ["NOT_IMPLEMENTED", `${name}: transactions are not offered, use confirms`]
    : ["COMMAND_INVALID", `unexpected method ${name}`];
}

/** After an error of ours everything goes by until the client has understood. */
function whileClosing(connection: Connection, channel: Channel, method: Method | undefined): void {
  if (method?.name === "channel.close") connection.send(channel.id, "channel.close-ok", {});
  if (method?.name === "channel.close-ok" || method?.name === "channel.close") connection.channels.delete(channel.id);
}
