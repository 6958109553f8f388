/** queue.*: declared and bound for the connection that asks, since an exclusive queue is its owner's alone. */
import type { Channel } from "../channel.ts";
import type { Queue } from "../queue.ts";
import type { Arguments } from "../wire/methods.ts";
import type { Methods } from "./table.ts";

export const queueMethods: Methods = {
  "queue.declare": (channel, args) => {
    const { topology } = channel.broker;
    const queue = declare(channel, args);
    channel.lastQueue = queue.name;
    channel.connection.holdUntil(topology.ticket);
    if (args.nowait) return;
    channel.send("queue.declare-ok", {
      queue: queue.name,
      messages: queue.ready.size,
      consumers: queue.consumers.length,
    });
  },
  "queue.bind": (channel, args) => {
    const { topology } = channel.broker;
    topology.bind(binding(channel, args), channel.connection);
    channel.connection.holdUntil(topology.ticket);
    if (!args.nowait) channel.send("queue.bind-ok", {});
  },
  "queue.unbind": (channel, args) => {
    const { topology } = channel.broker;
    topology.unbind(binding(channel, args), channel.connection);
    channel.connection.holdUntil(topology.ticket);
    channel.send("queue.unbind-ok", {});
  },
  "queue.purge": (channel, args) => {
    const messages = channel.queue(args.queue).purge();
    if (!args.nowait) channel.send("queue.purge-ok", { messages });
  },
  "queue.delete": (channel, args) => {
    const { topology } = channel.broker;
    const name = channel.queueName(args.queue);
    // Deleting what is not there is a success, as in RabbitMQ.
    const messages = topology.queues.has(name) ? topology.deleteQueue(channel.queue(name), args) : 0;
    channel.connection.holdUntil(topology.ticket);
    if (!args.nowait) channel.send("queue.delete-ok", { messages });
  },
};

function declare(channel: Channel, args: Arguments<"queue.declare">): Queue {
  const { connection, broker } = channel;
  if (args.passive) {
    const queue = channel.queue(args.queue);
    queue.touch();
    return queue;
  }
  const queue = broker.topology.declareQueue(
    {
      name: args.queue,
      durable: args.durable,
      autoDelete: args.autoDelete,
      exclusiveTo: args.exclusive ? connection : undefined,
      arguments: args.arguments,
    },
    connection,
  );
  if (args.exclusive) connection.exclusive.add(queue);
  return queue;
}

function binding(channel: Channel, args: Arguments<"queue.unbind">) {
  const destination = channel.queueName(args.queue);
  return {
    to: "queue",
    source: args.exchange,
    destination,
    // Without any name, the last queue is bound by its own.
    routingKey: args.queue === "" && args.routingKey === "" ? destination : args.routingKey,
    arguments: args.arguments,
  } as const;
}
