/**
 * Verifies an OpenID Connect id token: signature by the issuer's published keys, issuer, audience, expiry, and the nonce
 * where one is expected. A token that is wrong is the caller's fault (`unauthenticated`); keys that cannot be fetched are
 * not (`unavailable`).
 */
import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload } from "jose";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";

export interface VerifiedIdentity {
  readonly issuer: string;
  readonly subject: string;
  readonly email: string;
  /** Only a verified address may take up an invitation. */
  readonly emailVerified: boolean;
  readonly name: string;
}

/** Throws `unauthenticated` or `unavailable`. */
export type IdTokenVerifier = (idToken: string, nonce: string | undefined) => Promise<VerifiedIdentity>;

export interface IdTokenConfig {
  readonly issuer: string;
  readonly audience: string;
  readonly jwksUrl: string;
  readonly clock: Pick<Clock, "now">;
}

/** Asymmetric only: with a shared secret, whoever can verify can forge. */
const ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"];
const FAULTS_OF_THE_TOKEN = [
  errors.JWTInvalid,
  errors.JWTExpired,
  errors.JWTClaimValidationFailed,
  errors.JWSInvalid,
  errors.JWSSignatureVerificationFailed,
  errors.JOSEAlgNotAllowed,
  errors.JOSENotSupported,
  errors.JWKSNoMatchingKey,
  errors.JWKSMultipleMatchingKeys,
];

export function createIdTokenVerifier(config: IdTokenConfig): IdTokenVerifier {
  const keys = createRemoteJWKSet(new URL(config.jwksUrl), { timeoutDuration: 5000, cooldownDuration: 5000 });
  return async (idToken, nonce) => {
    try {
      const { payload } = await jwtVerify(idToken, keys, {
        issuer: config.issuer,
        audience: config.audience,
        algorithms: ALGORITHMS,
        clockTolerance: 5,
        requiredClaims: ["sub", "exp", "iat"],
        currentDate: new Date(config.clock.now()),
      });
      return identityFrom(payload, config.issuer, nonce);
    } catch (thrown) {
      if (thrown instanceof ShoalError) throw thrown;
      if (FAULTS_OF_THE_TOKEN.some((fault) => thrown instanceof fault))
        throw new ShoalError("unauthenticated", "the id token is not valid here", { field: "id_token", cause: thrown });
      throw new ShoalError("unavailable", "the identity provider's keys cannot be fetched", { cause: thrown });
    }
  };
}

function identityFrom(payload: JWTPayload, issuer: string, nonce: string | undefined): VerifiedIdentity {
  const { sub, email, name, nonce: carried, email_verified: verified } = payload;
  const refuse = (message: string): never => {
    throw new ShoalError("unauthenticated", message, { field: "id_token" });
  };
  if (nonce !== undefined && carried !== nonce) refuse("the id token carries another nonce");
  if (typeof sub !== "string" || sub === "" || sub.length > 255) return refuse("the id token names no subject");
  if (typeof email !== "string" || email === "" || email.length > 254)
    return refuse("the id token carries no e-mail address");
  const called = typeof name === "string" && name !== "" ? name : email;
  return { issuer, subject: sub, email, emailVerified: verified === true, name: called.slice(0, 200) };
}
