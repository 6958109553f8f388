/** The refusals of auth: a code for the HTTP status, and a word for `X-Auth-Error` that clients branch on. */
import { ShoalError, type ErrorCode, type ErrorOptions } from "@shoal/shared/base/errors.ts";
import type { AuthErrorCode, AuthFailure } from "./contract.ts";

const CODES: Readonly<Record<AuthErrorCode, ErrorCode>> = {
  token_expired: "unauthenticated",
  token_revoked: "unauthenticated",
  token_reuse: "unauthenticated",
  missing_token: "unauthenticated",
  invalid_token: "unauthenticated",
  invalid_node: "permission_denied",
  permission_denied: "permission_denied",
  invalid_request: "invalid_argument",
};

export class AuthRefusal extends ShoalError implements AuthFailure {
  readonly authError: AuthErrorCode;

  constructor(authError: AuthErrorCode, message: string, options: ErrorOptions = {}) {
    super(CODES[authError], message, options);
    this.authError = authError;
  }
}
