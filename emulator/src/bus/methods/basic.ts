/** basic.* except publication: who consumes what, and what becomes of what was handed out. */
import { randomBytes } from "node:crypto";
import type { Channel, ChannelConsumer } from "../channel.ts";
import { integer } from "../queue-options.ts";
import { AmqpError } from "../wire/errors.ts";
import type { Arguments } from "../wire/methods.ts";
import type { Methods } from "./table.ts";

export const basicMethods: Methods = {
  "basic.qos": (channel, args) => {
    if (args.size !== 0) throw new AmqpError("NOT_IMPLEMENTED", "prefetch_size!=0");
    // RabbitMQ's reading: global is the channel's, the other is of each consumer that comes.
    if (args.global) channel.globalPrefetch = args.count;
    else channel.prefetch = args.count;
    channel.send("basic.qos-ok", {});
    channel.pump();
  },
  "basic.consume": consume,
  "basic.cancel": (channel, args) => {
    channel.removeConsumer(args.consumerTag);
    if (!args.nowait) channel.send("basic.cancel-ok", { consumerTag: args.consumerTag });
  },
  "basic.get": (channel, args) => {
    const queue = channel.queue(args.queue);
    const entry = queue.take(args.noAck);
    if (entry === undefined) channel.send("basic.get-empty", { reserved: "" });
    else channel.give(entry, args.noAck);
  },
  "basic.ack": (channel, args) => {
    for (const { entry } of channel.release(args.deliveryTag, args.multiple)) entry.queue.settle(entry);
    channel.pump();
  },
  "basic.reject": (channel, args) => reject(channel, args.deliveryTag, false, args.requeue),
  "basic.nack": (channel, args) => reject(channel, args.deliveryTag, args.multiple, args.requeue),
  "basic.recover": (channel, args) => {
    recover(channel, args.requeue);
    channel.send("basic.recover-ok", {});
  },
  "basic.recover-async": (channel, args) => recover(channel, args.requeue),
};

function reject(channel: Channel, tag: bigint, multiple: boolean, requeue: boolean): void {
  const released = channel.release(tag, multiple);
  if (requeue) channel.putBack(released);
  else for (const { entry } of released) entry.queue.reject(entry);
  channel.pump();
}

function recover(channel: Channel, requeue: boolean): void {
  if (!requeue) throw new AmqpError("NOT_IMPLEMENTED", "requeue=false");
  if (channel.outstanding.size > 0) channel.putBack(channel.release(0n, true));
}

function consume(channel: Channel, args: Arguments<"basic.consume">): void {
  const queue = channel.queue(args.queue);
  const tag = args.consumerTag === "" ? `amq.ctag-${randomBytes(16).toString("base64url")}` : args.consumerTag;
  if (channel.consumers.has(tag)) throw new AmqpError("NOT_ALLOWED", `attempt to reuse consumer tag '${tag}'`);
  const taken = queue.consumers.some((each) => each.exclusive) || (args.exclusive && queue.consumers.length > 0);
  if (taken) throw new AmqpError("ACCESS_REFUSED", `queue '${queue.name}' in vhost '/' in exclusive use`);
  const priority = integer(args.arguments.get("x-priority")) ?? 0;
  if (!Number.isSafeInteger(priority))
    throw new AmqpError("PRECONDITION_FAILED", "invalid arg 'x-priority' for consumer: wants a whole number");
  const consumer: ChannelConsumer = {
    tag,
    queue,
    noAck: args.noAck,
    exclusive: args.exclusive,
    priority,
    prefetch: channel.prefetch,
    outstanding: 0,
    ready: () => channel.takes(consumer),
    deliver: (entry) => channel.deliver(consumer, entry),
    cancelled: () => {
      channel.consumers.delete(tag);
      if (channel.connection.hears("consumer_cancel_notify"))
        channel.send("basic.cancel", { consumerTag: tag, nowait: true });
    },
  };
  channel.consumers.set(tag, consumer);
  queue.addConsumer(consumer);
  queue.touch();
  if (!args.nowait) channel.send("basic.consume-ok", { consumerTag: tag });
  queue.pump();
}
