/**
 * A message's properties. The broker passes them on as the bytes they came in, reads the few that it acts on, and writes
 * them anew only where dead-lettering changes the headers.
 */
import { AmqpError } from "./errors.ts";
import { Reader, Writer, type Table } from "./fields.ts";

/** In wire order, from the highest flag bit down. */
const FIELDS = [
  ["contentType", "shortstr"],
  ["contentEncoding", "shortstr"],
  ["headers", "table"],
  ["deliveryMode", "octet"],
  ["priority", "octet"],
  ["correlationId", "shortstr"],
  ["replyTo", "shortstr"],
  ["expiration", "shortstr"],
  ["messageId", "shortstr"],
  ["timestamp", "longlong"],
  ["type", "shortstr"],
  ["userId", "shortstr"],
  ["appId", "shortstr"],
  ["clusterId", "shortstr"],
] as const;

export interface Properties {
  contentType?: string;
  contentEncoding?: string;
  headers?: Table;
  deliveryMode?: number;
  priority?: number;
  correlationId?: string;
  replyTo?: string;
  expiration?: string;
  messageId?: string;
  timestamp?: bigint;
  type?: string;
  userId?: string;
  appId?: string;
  clusterId?: string;
}

/** `bytes`: flags and values, as in a content header. Throws 502. */
export function readProperties(bytes: Buffer): Properties {
  const reader = new Reader(bytes);
  const flags = reader.short();
  if ((flags & 1) === 1) throw new AmqpError("SYNTAX_ERROR", "property flags that AMQP 0-9-1 does not define");
  const properties: Record<string, unknown> = {};
  FIELDS.forEach(([name, type], index) => {
    if ((flags & (0x8000 >> index)) !== 0) properties[name] = reader[type]();
  });
  return properties;
}

export function writeProperties(properties: Properties): Buffer {
  const writer = new Writer();
  writer.short(
    FIELDS.reduce((flags, [name], at) => (properties[name] === undefined ? flags : flags | (0x8000 >> at)), 0),
  );
  for (const [name, type] of FIELDS) {
    const value = properties[name];
    if (value !== undefined) (writer[type] as (value: unknown) => void).call(writer, value);
  }
  return writer.done();
}
