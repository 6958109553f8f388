/**
 * Ids that a repeat finds again: after a restart the same message of the same processor has the same id, and whoever has
 * seen it drops it. UUID version 8 (RFC 9562, 5.8): the hash is SHA-256, which version 5 does not allow.
 */
import { contentHash } from "../base/content-hash.ts";

/** Either the place in the processor's own count, or a key that its author vouches for, whatever the epoch. */
export type MessageOrigin =
  | { readonly processorId: string; readonly epoch: number; readonly sequence: number }
  | { readonly processorId: string; readonly key: string };

/** The id of a message by its origin; lower-case, with hyphens. */
export function messageIdOf(origin: MessageOrigin): string {
  const hex = contentHash(origin, 32);
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
}
