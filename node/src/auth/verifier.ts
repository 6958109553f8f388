/** Whether a token stands: its text, its session, its key, the root key above, and what all of them allow by now. */
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Principal } from "./contract.ts";
import { createTokenCache } from "./cache.ts";
import { AuthRefusal } from "./failure.ts";
import { intersection, keptPermissions, textOf, type Permission } from "./permissions.ts";
import type { AuthKey, Records } from "./records.ts";
import { AUTH_LIMITS } from "./settings.ts";
import type { Claims, Tokens } from "./tokens.ts";

export interface Verified {
  readonly key: AuthKey;
  /** The token's permissions, as far as the key (and its root key) still has them. */
  readonly permissions: readonly Permission[];
  /** Both, as the server is told of them. */
  readonly principal: Principal;
  readonly nodeUrl: string | undefined;
  readonly expiresAtMs: number;
}

export interface Verifier {
  /** Throws an `AuthRefusal` unless it is an access token that stands. */
  verify(token: string): Promise<Verified>;
  /** The key of a token's claims; throws `token_revoked` or `invalid_token` where it does not stand. */
  standing(claims: Claims): AuthKey;
  /** To be called after each change of keys or sessions. */
  forget(): void;
  readonly counts: { hits: number; misses: number };
}

export function createVerifier(init: {
  readonly records: Records;
  readonly tokens: Tokens;
  readonly clock: Clock;
}): Verifier {
  const { records, tokens, clock } = init;
  const cache = createTokenCache<Verified>(clock);
  const counts = { hits: 0, misses: 0 };

  const standing = (claims: Claims): AuthKey => {
    const key = records.key(claims.keyId);
    const session = records.session(claims.family, claims.sessionId);
    const revoked = key?.revokedAtMs !== undefined || session === undefined || session.keyId !== claims.keyId;
    if (revoked) throw new AuthRefusal("token_revoked", "the token was revoked");
    if (key === undefined) throw new AuthRefusal("invalid_token", "the token's key does not exist");
    if (key.rootId !== undefined && !isValid(records, key))
      throw new AuthRefusal("token_revoked", "the key above was revoked");
    return key;
  };

  return {
    async verify(token) {
      const cached = cache.get(token);
      if (cached !== undefined && cached.expiresAtMs + AUTH_LIMITS.leeway > clock.now()) {
        counts.hits += 1;
        return cached;
      }
      counts.misses += 1;
      const begun = cache.begin();
      const claims = await tokens.read(token, "access");
      const key = standing(claims);
      const permissions = intersection(keptPermissions(claims.permissions), permissionsOf(records, key));
      const principal = { keyId: key.id, permissions: permissions.map(textOf) };
      const { nodeUrl, expiresAtMs } = claims;
      const verified = { key, permissions, principal, nodeUrl, expiresAtMs };
      cache.put(token, verified, begun);
      return verified;
    },
    standing,
    forget: () => cache.clear(),
    counts,
  };
}

/** A key stands while neither it nor the root key above was revoked. */
export function isValid(records: Pick<Records, "key">, key: AuthKey): boolean {
  if (key.revokedAtMs !== undefined) return false;
  if (key.rootId === undefined) return true;
  const root = records.key(key.rootId);
  return root !== undefined && root.revokedAtMs === undefined;
}

/** What a key allows by now: a client key never more than the root key above. */
export function permissionsOf(records: Pick<Records, "key">, key: AuthKey): readonly Permission[] {
  const own = keptPermissions(key.permissions);
  const root = key.rootId === undefined ? undefined : records.key(key.rootId);
  if (root === undefined) return own;
  return intersection(own, keptPermissions(root.permissions));
}
