/**
 * Records of the log. Envelope: length and CRC-32 of what follows, then a type octet and the payload. A message's record
 * holds its content once and names every queue that keeps it; whatever happens to it later is a small record of its own.
 */
import { crc32 } from "node:zlib";

export const RECORD = { TOPOLOGY: 1, MESSAGE: 2, SETTLED: 3, DELIVERED: 4 } as const;

/** Length and checksum; the type octet is the first that they cover. */
const ENVELOPE = 8;
const REFERENCE = 14;

export interface Content {
  readonly exchange: string;
  readonly routingKey: string;
  /** Property flags and values, as in a content header. */
  readonly properties: Buffer;
  readonly body: Buffer;
}

/** One queue's hold on a message. */
export interface Reference {
  readonly queue: number;
  /** Milliseconds since the epoch; 0 for never. */
  readonly expiresAt: number;
  /** How often it was handed out. */
  readonly deliveries: number;
}

export interface MessageRecord {
  readonly seq: number;
  readonly references: readonly Reference[];
  readonly content: Content;
}

/** Durable topology as data; ids are never used twice, so a record's order among others does not matter. */
export type TopologyRecord =
  | {
      readonly kind: "exchange";
      readonly id: number;
      readonly name: string;
      readonly type: string;
      readonly autoDelete: boolean;
      readonly internal: boolean;
      /** The argument table's bytes, base64. */
      readonly arguments: string;
    }
  | {
      readonly kind: "queue";
      readonly id: number;
      readonly name: string;
      readonly autoDelete: boolean;
      readonly arguments: string;
    }
  | {
      readonly kind: "binding";
      readonly id: number;
      readonly source: string;
      readonly to: "queue" | "exchange";
      readonly destination: string;
      readonly routingKey: string;
      readonly arguments: string;
    }
  | { readonly kind: "gone"; readonly id: number };

function seal(bytes: Buffer): Buffer {
  bytes.writeUInt32BE(bytes.length - ENVELOPE, 0);
  bytes.writeUInt32BE(crc32(bytes.subarray(ENVELOPE)), 4);
  return bytes;
}

export function topologyRecord(record: TopologyRecord): Buffer {
  const json = Buffer.from(JSON.stringify(record));
  const bytes = Buffer.allocUnsafe(ENVELOPE + 1 + json.length);
  bytes[ENVELOPE] = RECORD.TOPOLOGY;
  json.copy(bytes, ENVELOPE + 1);
  return seal(bytes);
}

/** The record, and the same content as views into it: what is in memory anyway is kept once. */
export function messageRecord(message: MessageRecord): { readonly bytes: Buffer; readonly content: Content } {
  const { references, content } = message;
  const { exchange, routingKey, properties, body } = content;
  const names = Buffer.byteLength(exchange) + Buffer.byteLength(routingKey);
  const size = ENVELOPE + 11 + references.length * REFERENCE + names + 2 + 4 + properties.length + body.length;
  const bytes = Buffer.allocUnsafeSlow(size);
  bytes[ENVELOPE] = RECORD.MESSAGE;
  bytes.writeDoubleBE(message.seq, ENVELOPE + 1);
  bytes.writeUInt16BE(references.length, ENVELOPE + 9);
  let at = ENVELOPE + 11;
  for (const { queue, expiresAt, deliveries } of references) {
    bytes.writeUInt32BE(queue, at);
    bytes.writeDoubleBE(expiresAt, at + 4);
    bytes.writeUInt16BE(Math.min(deliveries, 0xffff), at + 12);
    at += REFERENCE;
  }
  for (const name of [exchange, routingKey]) {
    const length = bytes.write(name, at + 1);
    bytes[at] = length;
    at += 1 + length;
  }
  bytes.writeUInt32BE(properties.length, at);
  at += 4;
  const bodyAt = at + properties.copy(bytes, at);
  body.copy(bytes, bodyAt);
  return {
    bytes: seal(bytes),
    content: { exchange, routingKey, properties: bytes.subarray(at, bodyAt), body: bytes.subarray(bodyAt) },
  };
}

/** Messages that one queue no longer keeps: acknowledged, dropped, or dead-lettered and kept elsewhere by now. */
export function settledRecord(queue: number, seqs: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(ENVELOPE + 5 + seqs.length * 8);
  bytes[ENVELOPE] = RECORD.SETTLED;
  bytes.writeUInt32BE(queue, ENVELOPE + 1);
  seqs.forEach((seq, index) => bytes.writeDoubleBE(seq, ENVELOPE + 5 + index * 8));
  return seal(bytes);
}

export function deliveredRecord(queue: number, seq: number, deliveries: number): Buffer {
  const bytes = Buffer.allocUnsafe(ENVELOPE + 15);
  bytes[ENVELOPE] = RECORD.DELIVERED;
  bytes.writeUInt32BE(queue, ENVELOPE + 1);
  bytes.writeDoubleBE(seq, ENVELOPE + 5);
  bytes.writeUInt16BE(Math.min(deliveries, 0xffff), ENVELOPE + 13);
  return seal(bytes);
}

export type LogRecord =
  | { readonly type: "topology"; readonly record: TopologyRecord }
  | { readonly type: "message"; readonly message: MessageRecord }
  | { readonly type: "settled"; readonly queue: number; readonly seqs: readonly number[] }
  | { readonly type: "delivered"; readonly queue: number; readonly seq: number; readonly deliveries: number };

/** The record at `at` and its length, envelope included; undefined where it is torn, damaged or not there. */
export function readRecord(
  bytes: Buffer,
  at: number,
): { readonly record: LogRecord; readonly length: number } | undefined {
  if (at + ENVELOPE + 1 > bytes.length) return undefined;
  const size = bytes.readUInt32BE(at);
  const start = at + ENVELOPE;
  if (size === 0 || start + size > bytes.length) return undefined;
  const payload = bytes.subarray(start, start + size);
  if (crc32(payload) !== bytes.readUInt32BE(at + 4)) return undefined;
  return { record: parse(payload), length: ENVELOPE + size };
}

function parse(payload: Buffer): LogRecord {
  switch (payload[0] as number) {
    case RECORD.TOPOLOGY:
      return { type: "topology", record: JSON.parse(payload.toString("utf8", 1)) as TopologyRecord };
    case RECORD.MESSAGE:
      return { type: "message", message: parseMessage(payload) };
    case RECORD.SETTLED: {
      const seqs: number[] = [];
      for (let at = 5; at < payload.length; at += 8) seqs.push(payload.readDoubleBE(at));
      return { type: "settled", queue: payload.readUInt32BE(1), seqs };
    }
    case RECORD.DELIVERED:
      return {
        type: "delivered",
        queue: payload.readUInt32BE(1),
        seq: payload.readDoubleBE(5),
        deliveries: payload.readUInt16BE(13),
      };
    default:
      throw new Error(`the log holds a record of type ${payload[0]}, which a newer version wrote`);
  }
}

function parseMessage(payload: Buffer): MessageRecord {
  const count = payload.readUInt16BE(9);
  const references: Reference[] = [];
  let at = 11;
  for (let index = 0; index < count; index++, at += REFERENCE)
    references.push({
      queue: payload.readUInt32BE(at),
      expiresAt: payload.readDoubleBE(at + 4),
      deliveries: payload.readUInt16BE(at + 12),
    });
  const name = (): string => {
    const end = at + 1 + (payload[at] as number);
    const value = payload.toString("utf8", at + 1, end);
    at = end;
    return value;
  };
  const [exchange, routingKey] = [name(), name()];
  const propertiesAt = at + 4;
  const bodyAt = propertiesAt + payload.readUInt32BE(at);
  return {
    seq: payload.readDoubleBE(1),
    references,
    content: {
      exchange,
      routingKey,
      properties: payload.subarray(propertiesAt, bodyAt),
      body: payload.subarray(bodyAt),
    },
  };
}
