/** What the server asks of auth, so that neither knows how the other works. */
import type { ShoalError } from "@shoal/shared/base/errors.ts";

/** Values of the `X-Auth-Error` header. */
export type AuthErrorCode =
  | "token_expired"
  | "token_revoked"
  | "token_reuse"
  | "missing_token"
  | "invalid_node"
  | "permission_denied"
  | "invalid_token"
  | "invalid_request";

export interface Principal {
  /** Id of the key (root or client) the token was issued for. */
  readonly keyId: string;
  /** Permission strings, e.g. `admin`, `context:execute[ctx,user,method]`. */
  readonly permissions: readonly string[];
}

/** An error that also sets `X-Auth-Error`. */
export interface AuthFailure extends ShoalError {
  readonly authError: AuthErrorCode;
}

export interface Guard {
  /**
   * Who calls, judged by `Authorization: Bearer` or `?token=`. Throws an `AuthFailure`: `unauthenticated` without a valid
   * access token, `permission_denied` where none of the token's permissions covers `required`. `undefined`: any valid token
   * will do. Whatever `required` leaves open is asked for in full: `context:list[ctx]` is not covered by `context[ctx,user]`.
   */
  check(request: Request, required: string | undefined): Promise<Principal>;
}
