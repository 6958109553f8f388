/**
 * What processors say on the bus. The body is the four fields of the specification, unchanged; who said it, as what and
 * under which epoch travels beside it in AMQP headers, so that a message keeps its identity in a parking queue, where
 * its routing key is lost. Pure: the bytes are the transport's business.
 */
import { z } from "zod";
import { ShoalError } from "../base/errors.ts";
import { EVENT_TYPE_PATTERN, GEOHASH_PATTERN, PROCESSOR_WORD_PATTERN } from "./routing-key.ts";

export const OUTPUT_EXCHANGE = "dory.output";
export const ENVELOPE_VERSION = "0.1";

/** Strangers' fields are dropped, not refused: a MINOR version may add some. Any UUID version is read. */
export const envelopeSchema = z.object({
  schema_version: z.string().regex(/^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})$/, "MAJOR.MINOR"),
  message_id: z.guid(),
  timestamp: z.iso.datetime({ offset: true }),
  payload: z.record(z.string(), z.unknown()),
});
export type Envelope = z.infer<typeof envelopeSchema>;

/** Subscribers fence by `epoch`; within one epoch, `sequence` counts a processor's messages. */
export const outputHeadersSchema = z.object({
  processor_id: z.string().regex(PROCESSOR_WORD_PATTERN),
  event_type: z.string().regex(EVENT_TYPE_PATTERN),
  epoch: z.int().nonnegative(),
  sequence: z.int().nonnegative(),
  geohash: z.string().regex(GEOHASH_PATTERN).optional(),
});
export type OutputHeaders = z.infer<typeof outputHeadersSchema>;

/** MAJOR of a `schema_version`; subscribers opt in to each. Throws `invalid_argument`. */
export function majorOf(schemaVersion: string): number {
  const parsed = envelopeSchema.shape.schema_version.safeParse(schemaVersion);
  if (!parsed.success) throw new ShoalError("invalid_argument", "is not MAJOR.MINOR", { field: "schema_version" });
  return Number(schemaVersion.slice(0, schemaVersion.indexOf(".")));
}

/** The same message in CloudEvents 1.0 terms: `source` and `id` together identify a duplicate. */
export function asCloudEvent(envelope: Envelope, headers: OutputHeaders): Readonly<Record<string, unknown>> {
  return {
    specversion: "1.0",
    id: envelope.message_id,
    source: `/processors/${headers.processor_id}`,
    type: headers.event_type,
    time: envelope.timestamp,
    datacontenttype: "application/json",
    ...(headers.geohash === undefined ? {} : { subject: headers.geohash }),
    data: envelope.payload,
  };
}
