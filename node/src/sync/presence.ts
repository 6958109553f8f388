/**
 * Presence on its way: what somebody is at, signed by them for one context and moment. Keys of a scope outlive a member, so a
 * seal alone says nothing about who speaks; and what was said once is not to be said again by others later.
 */
import { MAX_EPHEMERAL } from "../context/handlers/set-ephemeral.ts";
import { BorshReader, BorshWriter } from "../model/borsh.ts";
import { bytesOf, idOf, type ContextId, type PublicKey } from "../model/ids.ts";
import { sign, verify, type KeyPair } from "../model/keys.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";

const DOMAIN = "shoal.presence.v1";

export interface Presence {
  /** The author's clock; of one author in one context only what is later counts. */
  readonly atMs: number;
  /** Empty: gone. */
  readonly state: Uint8Array;
}

export function encodePresence(author: KeyPair, contextId: ContextId, { atMs, state }: Presence): Uint8Array {
  const whole = Math.floor(atMs);
  const signature = sign(author.secret, signedBytes(contextId, whole, state));
  const key = bytesOf(author.publicKey);
  return new BorshWriter().fixed(key).u64(BigInt(whole)).bytes(state).fixed(signature).done();
}

/** Throws `invalid_argument` for anything but presence that its author signed for this context. */
export function decodePresence(contextId: ContextId, plain: Uint8Array): Presence & { readonly author: PublicKey } {
  const reader = new BorshReader(plain);
  const key = reader.fixed(32);
  const atMs = Number(reader.u64());
  const state = Uint8Array.from(reader.bytes());
  const signature = reader.fixed(64);
  reader.end();
  if (state.length > MAX_EPHEMERAL)
    throw new ShoalError("invalid_argument", `presence has at most ${MAX_EPHEMERAL} bytes`);
  if (!verify(signature, signedBytes(contextId, atMs, state), key)) {
    throw new ShoalError("invalid_argument", "presence is not signed by the author it names");
  }
  return { author: idOf<PublicKey>(key), atMs, state };
}

function signedBytes(contextId: ContextId, atMs: number, state: Uint8Array): Uint8Array {
  return new BorshWriter().string(DOMAIN).fixed(bytesOf(contextId)).u64(BigInt(atMs)).bytes(state).done();
}
