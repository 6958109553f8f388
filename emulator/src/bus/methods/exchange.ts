/** exchange.*: the topology's verbs, answered once a durable change is on disk. */
import { flag } from "../wire/fields.ts";
import type { Methods } from "./table.ts";

export const exchangeMethods: Methods = {
  "exchange.declare": (channel, args) => {
    const { topology } = channel.broker;
    if (args.passive) topology.exchange(args.exchange);
    else
      topology.declareExchange({
        name: args.exchange,
        type: args.type,
        durable: args.durable,
        autoDelete: args.autoDelete,
        internal: args.internal,
        arguments: args.arguments,
      });
    channel.connection.holdUntil(topology.ticket);
    if (!args.nowait) channel.send("exchange.declare-ok", {});
  },
  "exchange.delete": (channel, args) => {
    const { topology } = channel.broker;
    topology.deleteExchange(args.exchange, args.ifUnused);
    channel.connection.holdUntil(topology.ticket);
    if (!args.nowait) channel.send("exchange.delete-ok", {});
  },
  "exchange.bind": (channel, args) => {
    const { topology } = channel.broker;
    topology.bind({ ...args, to: "exchange" }, channel.connection);
    channel.connection.holdUntil(topology.ticket);
    if (!args.nowait) channel.send("exchange.bind-ok", {});
  },
  "exchange.unbind": (channel, args) => {
    const { topology } = channel.broker;
    topology.unbind({ ...args, to: "exchange" }, channel.connection);
    channel.connection.holdUntil(topology.ticket);
    if (!args.nowait) channel.send("exchange.unbind-ok", {});
  },
};

/** What the broker can do, as clients look it up in `connection.start`. */
export const CAPABILITIES = {
  publisher_confirms: flag(true),
  exchange_exchange_bindings: flag(true),
  "basic.nack": flag(true),
  consumer_cancel_notify: flag(true),
  "connection.blocked": flag(true),
  consumer_priorities: flag(true),
  authentication_failure_close: flag(true),
  per_consumer_qos: flag(true),
};
