/**
 * One event made ready to be sent: its key, its headers and its bytes, which stay the same however often it is sent. Pure
 * but for the hash of its id.
 */
import type { Options } from "amqplib";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { toIso, type Timestamp } from "@shoal/shared/base/time.ts";
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

export interface Maker {
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

export function makeReady(
  maker: Maker,
  event: { readonly eventType: string; readonly geohash: string | undefined; readonly payload: string },
  { messageId, sequence }: { readonly messageId: string; readonly sequence: number },
  now: Timestamp,
): Ready {
  const { eventType, geohash, payload } = event;
  const head = `{"schema_version":"${ENVELOPE_VERSION}","message_id":"${messageId}","timestamp":"${toIso(now)}"`;
  return {
    messageId,
    sequence,
    eventType,
    geohash,
    routingKey: keyOf(maker, event),
    content: Buffer.from(`${head},"payload":${payload}}`),
  };
}

/** Throws `invalid_argument` for what is no word of a routing key. */
export function keyOf(
  { processorId, segmentLength }: Maker,
  { eventType, geohash }: { readonly eventType: string; readonly geohash: string | undefined },
): string {
  return routingKeyOf({ processorId, eventType, segmentLength, ...(geohash === undefined ? {} : { geohash }) });
}

/** `epoch` is the sender's at the time of sending: what an earlier activation left unsent is sent by right of this one. */
export function propertiesOf(ready: Ready, processorId: string, epoch: number): Options.Publish {
  const { messageId, sequence, eventType, geohash } = ready;
  return {
    mandatory: true,
    persistent: true,
    contentType: "application/json",
    messageId,
    headers: {
      processor_id: processorId,
      event_type: eventType,
      epoch,
      sequence,
      ...(geohash === undefined ? {} : { geohash }),
    },
  };
}
