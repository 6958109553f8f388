/** What a refusal of the rules is called on the way to a caller. */
import { ShoalError, type ErrorCode } from "@shoal/shared/base/errors.ts";
import type { Refusal } from "./rules/case.ts";

const CODES: Readonly<Record<Refusal, ErrorCode>> = {
  unknown_version: "invalid_argument",
  too_many_parents: "invalid_argument",
  bad_signature: "permission_denied",
  stale_nonce: "conflict",
  unknown_group: "not_found",
  already_exists: "already_exists",
  not_found: "not_found",
  not_permitted: "permission_denied",
  last_admin: "conflict",
  owner_stays: "conflict",
  not_empty: "conflict",
  expired: "permission_denied",
  spent: "conflict",
  denied: "permission_denied",
  not_invited: "permission_denied",
  not_attested: "permission_denied",
  too_deep: "invalid_argument",
  invalid: "invalid_argument",
  limit: "invalid_argument",
};

export function refusalError(reason: Refusal, because: string): ShoalError {
  return new ShoalError(CODES[reason], `${reason}: ${because}`);
}
