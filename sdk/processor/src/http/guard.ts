/** Who may have the state, and how often one may ask. */
import { createHash, timingSafeEqual } from "node:crypto";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Secret } from "@shoal/shared/base/secret.ts";

export const STATE_REQUESTS_PER_SECOND = 100;
/** Clients that are remembered; the one that was seen longest ago is forgotten first. */
const CLIENTS_MAX = 1_000;

const hash = (text: string): Buffer => createHash("sha256").update(text).digest();

/** Throws `unauthenticated`. Hashes are compared, so neither the place of a wrong character nor the length shows in the time. */
export function checkToken(expected: Secret | undefined, authorization: string | undefined): void {
  if (expected === undefined) return;
  const sent = /^Bearer +(.+)$/i.exec(authorization ?? "")?.[1] ?? "";
  if (timingSafeEqual(hash(sent), hash(expected.reveal()))) return;
  throw new ShoalError("unauthenticated", "the state needs Authorization: Bearer with the value of DORY_STATE_TOKEN");
}

interface Bucket {
  tokens: number;
  at: number;
}

/** A token bucket per client. `monotonic` in ms. Throws `rate_limited`. */
export function rateLimiter(monotonic: () => number): (client: string) => void {
  const buckets = new Map<string, Bucket>();
  return (client) => {
    const now = monotonic();
    const found = buckets.get(client) ?? { tokens: STATE_REQUESTS_PER_SECOND, at: now };
    const refilled = found.tokens + ((now - found.at) / 1000) * STATE_REQUESTS_PER_SECOND;
    const tokens = Math.min(STATE_REQUESTS_PER_SECOND, refilled);
    // Set anew, so that the map's order is that of the last request.
    buckets.delete(client);
    buckets.set(client, { tokens: tokens < 1 ? tokens : tokens - 1, at: now });
    const oldest = buckets.size > CLIENTS_MAX ? buckets.keys().next().value : undefined;
    if (oldest !== undefined) buckets.delete(oldest);
    if (tokens < 1) {
      throw new ShoalError("rate_limited", `at most ${STATE_REQUESTS_PER_SECOND} requests a second`, {
        retryAfterSeconds: 1,
      });
    }
  };
}
