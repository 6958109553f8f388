/** confirm.select and channel.flow: what a channel agrees on with its client. */
import { Confirms } from "../confirms.ts";
import { AmqpError } from "../wire/errors.ts";
import type { Methods } from "./table.ts";

export const confirmMethods: Methods = {
  "confirm.select": (channel, args) => {
    channel.confirms ??= new Confirms();
    if (!args.nowait) channel.send("confirm.select-ok", {});
  },
  // As RabbitMQ: a client that wants less uses its prefetch.
  "channel.flow": (channel, args) => {
    if (!args.active) throw new AmqpError("NOT_IMPLEMENTED", "active=false");
    channel.send("channel.flow-ok", { active: true });
  },
};
