/** From exchange and key to queues: through exchanges bound to exchanges, each visited once, and through alternates. */
import type { Exchange } from "./binding.ts";
import type { Queue } from "./queue.ts";
import type { Topology } from "./topology.ts";
import { AmqpError } from "./wire/errors.ts";
import { EMPTY_TABLE, type Table } from "./wire/fields.ts";
import { readProperties, type Properties } from "./wire/properties.ts";

export interface RouteOptions {
  /** The broker's own publication, which internal exchanges take. */
  readonly internal?: boolean;
  /** Where the headers are read from if somebody asks and `properties` does not have them. */
  readonly bytes?: Buffer;
}

/** Throws 404 where there is no such exchange, 403 where it takes nothing from clients. */
export function route(
  topology: Topology,
  exchange: string,
  routingKey: string,
  properties: Properties,
  options: RouteOptions = {},
): ReadonlySet<Queue> {
  const queues = new Set<Queue>();
  if (exchange === "") {
    const queue = topology.queues.get(routingKey);
    if (queue !== undefined) queues.add(queue);
    return queues;
  }
  const first = topology.exchange(exchange);
  if (first.internal && options.internal !== true)
    throw new AmqpError("ACCESS_REFUSED", `cannot publish to internal exchange '${exchange}' in vhost '/'`);
  let read: Table | undefined;
  const headers = (): Table =>
    (read ??= properties.headers ?? (options.bytes && readProperties(options.bytes).headers) ?? EMPTY_TABLE);
  const seen = new Set<Exchange>([first]);
  // The set grows while it is walked.
  for (const each of seen) {
    let matched = false;
    for (const { destination } of each.router.match(routingKey, headers)) {
      matched = true;
      if (destination.kind === "queue") queues.add(destination);
      else seen.add(destination);
    }
    if (matched || each.alternate === undefined) continue;
    const alternate = each.alternate === "" ? undefined : topology.exchanges.get(each.alternate);
    if (alternate !== undefined) seen.add(alternate);
  }
  return queues;
}
