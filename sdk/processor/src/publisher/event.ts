/**
 * One event made ready to be sent: its key, its headers and its bytes, which stay the same however often it is sent. Pure
 * but for the hash of its id.
 */
import type { Options } from "amqplib";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { ENVELOPE_VERSION } from "@shoal/shared/wire/envelope.ts";
import { routingKeyOf } from "@shoal/shared/wire/routing-key.ts";
import type { OutgoingEvent } from "../app/output.ts";
import { encodeJson } from "./json.ts";

/** Far below what any broker takes: whoever has more to say puts it in a bucket and sends its address. */
export const MAX_MESSAGE_BYTES = 1024 * 1024;

export interface Ready {
  readonly messageId: string;
  readonly sequence: number;
  readonly eventType: string;
  readonly geohash: string | undefined;
  readonly routingKey: string;
  readonly content: Buffer;
}

export interface Sender {
  readonly processorId: string;
  /** Characters of the geohash per routing-key word. */
  readonly segmentLength: number;
}

/** The event's payload as JSON. Throws `invalid_argument`, or `payload_too_large` above `MAX_MESSAGE_BYTES`. */
export function payloadOf(event: OutgoingEvent): string {
  const text = encodeJson(event.payload);
  if (!text.startsWith("{")) {
    throw new ShoalError("invalid_argument", "a payload is an object", { field: "payload" });
  }
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_MESSAGE_BYTES) {
    const what = `the payload has ${bytes} bytes, and a message holds ${MAX_MESSAGE_BYTES}`;
    throw new ShoalError("payload_too_large", what, { field: "payload" });
  }
  return text;
}

/** The envelope's bytes. `at` is RFC 3339. */
export function envelopeOf(messageId: string, at: string, payload: string): Buffer {
  const head = `{"schema_version":"${ENVELOPE_VERSION}","message_id":"${messageId}","timestamp":"${at}"`;
  return Buffer.from(`${head},"payload":${payload}}`);
}

/** Throws `invalid_argument` for what is no word of a routing key. */
export function keyOf(
  { processorId, segmentLength }: Sender,
  { eventType, geohash }: { readonly eventType: string; readonly geohash: string | undefined },
): string {
  return routingKeyOf({ processorId, eventType, segmentLength, ...(geohash === undefined ? {} : { geohash }) });
}

/** `epoch` is the sender's at the time of sending: what an earlier activation left unsent is sent by right of this one. */
export function propertiesOf(ready: Ready, processorId: string, epoch: number): Options.Publish {
  const { messageId, sequence, eventType, geohash } = ready;
  const named = { processor_id: processorId, event_type: eventType, epoch, sequence };
  const headers = geohash === undefined ? named : { ...named, geohash };
  return { mandatory: true, persistent: true, contentType: "application/json", messageId, headers };
}
