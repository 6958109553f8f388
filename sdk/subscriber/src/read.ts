/**
 * From bytes to a message, or to the reason why it is none. Pure. A publisher that sets no headers (the specification asks
 * for none) is known by its routing key.
 */
import type { ConsumeMessage } from "amqplib";
import { messageOf } from "@shoal/shared/base/errors.ts";
import { fromIso, timestamp } from "@shoal/shared/base/time.ts";
import { envelopeSchema, majorOf, outputHeadersSchema, type OutputHeaders } from "@shoal/shared/wire/envelope.ts";
import type { BusMessage } from "./message.ts";

/** Set by us on what goes to a retry or a parking queue, where the broker replaces the routing key. */
export const ATTEMPTS_HEADER = "x-shoal-attempts";
export const ROUTING_KEY_HEADER = "x-shoal-routing-key";
export const REASON_HEADER = "x-shoal-reason";
export const ERROR_HEADER = "x-shoal-error";

export type PoisonReason = "undecodable" | "invalid_envelope" | "invalid_headers" | "handler_failed";

export type Reading =
  | { readonly kind: "message"; readonly message: BusMessage }
  /** Of a major version that nobody here asked for. */
  | { readonly kind: "foreign"; readonly schemaVersion: string }
  | { readonly kind: "poison"; readonly reason: PoisonReason; readonly because: string };

type Sender = Partial<OutputHeaders> & Pick<OutputHeaders, "processor_id" | "event_type">;

export function readMessage(raw: ConsumeMessage, majors: readonly number[]): Reading {
  const json = decode(raw.content);
  if (!("value" in json)) return { kind: "poison", reason: "undecodable", because: json.because };
  const envelope = envelopeSchema.safeParse(json.value);
  if (!envelope.success) return { kind: "poison", reason: "invalid_envelope", because: told(envelope.error) };
  const { schema_version: schemaVersion, message_id: id, timestamp: at, payload } = envelope.data;
  if (!majors.includes(majorOf(schemaVersion))) return { kind: "foreign", schemaVersion };
  const sender = senderOf(raw);
  if (typeof sender === "string") return { kind: "poison", reason: "invalid_headers", because: sender };
  return {
    kind: "message",
    message: {
      id: id.toLowerCase(),
      schemaVersion,
      at: fromIso(at) ?? timestamp(0),
      payload,
      processorId: sender.processor_id,
      eventType: sender.event_type,
      epoch: sender.epoch,
      sequence: sender.sequence,
      geohash: sender.geohash,
      routingKey: routingKeyOfRaw(raw),
      attempt: attemptsOf(raw) + 1,
    },
  };
}

/** How often it was tried before. */
export function attemptsOf({ properties }: ConsumeMessage): number {
  const attempts: unknown = properties.headers?.[ATTEMPTS_HEADER];
  return typeof attempts === "number" && Number.isInteger(attempts) && attempts > 0 ? attempts : 0;
}

export function routingKeyOfRaw({ fields, properties }: ConsumeMessage): string {
  const kept: unknown = properties.headers?.[ROUTING_KEY_HEADER];
  return typeof kept === "string" ? kept : fields.routingKey;
}

function senderOf(raw: ConsumeMessage): Sender | string {
  const headers: unknown = raw.properties.headers ?? {};
  if (typeof headers === "object" && headers !== null && "processor_id" in headers) {
    const parsed = outputHeadersSchema.safeParse(headers);
    return parsed.success ? parsed.data : told(parsed.error);
  }
  const [processorId = "", eventType = ""] = routingKeyOfRaw(raw).split(".");
  if (processorId === "" || eventType === "") return "neither headers nor a routing key that names who says what";
  return { processor_id: processorId, event_type: eventType };
}

function decode(content: Buffer): { readonly value: unknown } | { readonly because: string } {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(content);
    return { value: JSON.parse(text) as unknown };
  } catch (thrown) {
    return { because: messageOf(thrown) };
  }
}

function told(error: {
  readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[];
}): string {
  return error.issues.map(({ path, message }) => `${path.map(String).join(".")}: ${message}`).join("; ");
}
