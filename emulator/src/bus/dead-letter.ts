/**
 * What a dead letter says of its deaths. `x-death` has one entry per queue and reason, the latest first, counted; the
 * first death stays readable by itself. As RabbitMQ's `rabbit_dead_letter`.
 */
import type { Death } from "./entry.ts";
import type { Content } from "./store/record.ts";
import { integer, string } from "./queue-options.ts";
import { long, table, text, type Field, type Table } from "./wire/fields.ts";
import { readProperties, writeProperties, type Properties } from "./wire/properties.ts";

export interface DeathCertificate {
  readonly queue: string;
  readonly reason: Death;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

const deathsOf = (headers: Table | undefined): readonly Table[] => {
  const field = headers?.get("x-death");
  if (field?.type !== "A") return [];
  return field.value.flatMap((each) => (each.type === "F" ? [each.value] : []));
};

const isDeath = (death: Table, queue: string, reason: string): boolean =>
  string(death.get("queue")) === queue && string(death.get("reason")) === reason;

/** The properties of the dead letter: its own time to live is over, its headers tell the story. */
export function certify(content: Content, death: DeathCertificate): Buffer {
  const properties = readProperties(content.properties);
  const before = deathsOf(properties.headers);
  const earlier = before.find((each) => isDeath(each, death.queue, death.reason));
  const entry = earlier === undefined ? firstDeath(content, properties, death) : again(earlier);
  const deaths: Field[] = [
    entry,
    ...before.filter((each) => each !== earlier).map((value) => ({ type: "F", value }) as const),
  ];
  const headers = new Map(properties.headers);
  headers.set("x-death", { type: "A", value: deaths });
  if (!headers.has("x-first-death-reason")) {
    headers.set("x-first-death-reason", text(death.reason));
    headers.set("x-first-death-queue", text(death.queue));
    headers.set("x-first-death-exchange", text(content.exchange));
  }
  const { expiration: _over, ...others } = properties;
  return writeProperties({ ...others, headers });
}

function again(death: Table): Field {
  return { type: "F", value: new Map(death).set("count", long((integer(death.get("count")) ?? 0) + 1)) };
}

function firstDeath(content: Content, properties: Properties, death: DeathCertificate): Field {
  const { expiration } = properties;
  return table({
    count: long(1),
    reason: text(death.reason),
    queue: text(death.queue),
    time: { type: "T", value: BigInt(Math.floor(death.at / 1000)) },
    exchange: text(content.exchange),
    "routing-keys": { type: "A", value: [text(content.routingKey)] },
    ...(expiration === undefined ? {} : { "original-expiration": text(expiration) }),
  });
}

/**
 * Whether a dead letter would go in a circle without anybody having rejected it: then it would circle for ever, so it is
 * not put into `queue` again.
 */
export function circles(properties: Buffer, queue: string, reason: Death): boolean {
  if (reason === "rejected") return false;
  const deaths = deathsOf(readProperties(properties).headers);
  const at = deaths.findIndex((death) => string(death.get("queue")) === queue);
  if (at === -1) return false;
  return deaths.slice(0, at + 1).every((death) => string(death.get("reason")) !== "rejected");
}
