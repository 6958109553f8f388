/**
 * What nodes say to each other. Gossip: one message per delta, presence or summary, on the topic of its context or namespace.
 * Channels: requests and answers, one after the other, after both sides have proven their accounts (`session.ts`).
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { KeyScope, Sealed } from "../governance/replication.ts";
import { BorshReader, BorshWriter } from "../model/borsh.ts";
import type { ContextId, GroupId } from "../model/ids.ts";

export const SYNC_PROTOCOL = "/shoal/sync/1";
export const BLOB_PROTOCOL = "/shoal/blob/1";

export const contextTopic = (id: ContextId): string => `shoal/ctx/${id}`;
export const namespaceTopic = (id: GroupId): string => `shoal/grp/${id}`;

/** What a topic is about; undefined for topics of nobody here. */
export function subjectOf(topic: string): KeyScope | undefined {
  const [, kind, id] = TOPIC.exec(topic) ?? [];
  if (id === undefined) return undefined;
  return kind === "ctx"
    ? { type: "context", contextId: id as ContextId }
    : { type: "namespace", namespaceId: id as GroupId };
}

const TOPIC = /^shoal\/(ctx|grp)\/([0-9A-Za-z]{1,64})$/;

/** `sealed` holds an encoded delta, an encoded op, or presence; `digest` is SHA-256 over root and heads (contexts) or heads. */
export type GossipMessage =
  | { readonly type: "delta"; readonly sealed: Sealed }
  | { readonly type: "ephemeral"; readonly sealed: Sealed }
  | { readonly type: "op"; readonly sealed: Sealed }
  | { readonly type: "digest"; readonly digest: Uint8Array };

const TYPES = ["delta", "ephemeral", "op", "digest"] as const;
const VERSION = 1;

export function encodeGossip(message: GossipMessage): Uint8Array {
  const writer = new BorshWriter().u8(VERSION).u8(TYPES.indexOf(message.type));
  if (message.type === "digest") return writer.fixed(message.digest).done();
  const { keyId, nonce, ciphertext } = message.sealed;
  return writer.fixed(keyId).fixed(nonce).bytes(ciphertext).done();
}

/** Throws `invalid_argument` for anything that is not exactly one message. */
export function decodeGossip(payload: Uint8Array): GossipMessage {
  const reader = new BorshReader(payload);
  const version = reader.u8();
  if (version !== VERSION) throw new ShoalError("invalid_argument", `gossip of version ${VERSION} expected`);
  const type = TYPES[reader.tag(TYPES.length)] ?? "digest";
  if (type === "digest") {
    const digest = reader.fixed(32);
    reader.end();
    return { type, digest };
  }
  const sealed = { keyId: reader.fixed(32), nonce: reader.fixed(24), ciphertext: reader.bytes() };
  reader.end();
  return { type, sealed };
}
