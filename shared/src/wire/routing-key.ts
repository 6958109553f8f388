/**
 * `<processor_id>.<event_type>.<geohash segments>`: the key that a topic exchange routes by. A dot separates words, so
 * no part may bring its own, nor `*` and `#`, which mean something in a subscriber's pattern.
 */
import { ShoalError } from "../base/errors.ts";

/** AMQP 0-9-1 counts a short string in one byte. */
export const ROUTING_KEY_MAX_BYTES = 255;
export const GEOHASH_PRECISION = 9;

export const PROCESSOR_WORD_PATTERN = /^[A-Za-z0-9_-]{1,128}$/;
export const EVENT_TYPE_PATTERN = /^[A-Za-z0-9_-]{1,100}$/;
export const GEOHASH_PATTERN = /^[0-9b-hjkmnp-z]{1,12}$/;

export interface RoutingKeyParts {
  readonly processorId: string;
  readonly eventType: string;
  readonly geohash?: string;
  /** Characters of the geohash per word, 1 to 12; the whole geohash is one word where left out. */
  readonly segmentLength?: number;
}

/** A geohash is cut to `GEOHASH_PRECISION`. Throws `invalid_argument` with the part at fault as its field. */
export function routingKeyOf({ processorId, eventType, geohash, segmentLength = 12 }: RoutingKeyParts): string {
  demand(PROCESSOR_WORD_PATTERN.test(processorId), "processor_id", "1 to 128 letters, digits, _ and -");
  demand(EVENT_TYPE_PATTERN.test(eventType), "event_type", "1 to 100 letters, digits, _ and -");
  demand(geohash === undefined || GEOHASH_PATTERN.test(geohash), "geohash", "1 to 12 characters of its alphabet");
  const whole = Number.isInteger(segmentLength) && segmentLength >= 1 && segmentLength <= 12;
  demand(whole, "segment_length", "a whole number from 1 to 12");
  const place = (geohash ?? "").slice(0, GEOHASH_PRECISION);
  const words = [processorId, eventType];
  for (let at = 0; at < place.length; at += segmentLength) words.push(place.slice(at, at + segmentLength));
  return words.join(".");
}

function demand(holds: boolean, field: string, expectation: string): void {
  if (!holds) throw new ShoalError("invalid_argument", `${field} must be ${expectation}`, { field });
}
