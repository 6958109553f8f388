/** The rendezvous protocol: one frame of JSON each way, then the channel ends. */
import { z } from "zod";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { sha256 } from "../../../model/sha256.ts";
import { MAX_ADDRESS } from "../addresses.ts";
import type { TopicHash } from "./registry.ts";

/** Topics of one request; who has more asks more than once. */
export const TOPICS_AT_ONCE = 512;
const ADDRESSES_AT_ONCE = 8;

const peerId = z.string().regex(/^[1-9A-HJ-NP-Za-km-z]{20,64}$/);
const addresses = z.array(z.string().startsWith("/").max(MAX_ADDRESS)).max(ADDRESSES_AT_ONCE);

/** "I am on these topics, at these addresses: who else is?" */
const request = z.strictObject({ topics: z.array(z.string().length(43)).max(TOPICS_AT_ONCE), addresses });
export type Request = z.output<typeof request>;

/** `peers` of each topic as places in `known`. */
const answer = z.strictObject({
  known: z.array(z.strictObject({ peer: peerId, addresses })).max(1024),
  peers: z.record(z.string().length(43), z.array(z.number().int().min(0).max(1023)).max(64)),
});
export type Answer = z.output<typeof answer>;

/** The namespace is in it: nodes of another do not meet ours. */
export function hashOf(namespace: string, topic: string): TopicHash {
  return Buffer.from(topicDigest(namespace, topic)).toString("base64url");
}

/** 32 bytes. */
export function topicDigest(namespace: string, topic: string): Uint8Array {
  return sha256(Buffer.from(JSON.stringify(["shoal/rendezvous", namespace, topic])));
}

export const encode = (message: Request | Answer): Uint8Array => Buffer.from(JSON.stringify(message));
export const decodeRequest = (frame: Uint8Array): Request => decoded(request, frame);
export const decodeAnswer = (frame: Uint8Array): Answer => decoded(answer, frame);
export const cut = (own: readonly string[]): string[] =>
  own.filter((address) => address.length <= MAX_ADDRESS).slice(0, ADDRESSES_AT_ONCE);

function decoded<T>(schema: z.ZodType<T>, frame: Uint8Array): T {
  try {
    return schema.parse(JSON.parse(Buffer.from(frame).toString("utf8")));
  } catch (cause) {
    throw new ShoalError("invalid_argument", "no message of the rendezvous protocol", { cause });
  }
}
