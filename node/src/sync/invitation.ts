/** An invitation as it is shown on a channel: JSON, of which nothing but what an invitation has is looked at. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { SignedInvitation } from "../governance/contract.ts";
import { claimShape } from "../governance/rules/shapes.ts";
import { MAX_INVITATION } from "./exchanges.ts";

/** Throws `invalid_argument` for anything else, `payload_too_large` beyond `MAX_INVITATION`. */
export function parseInvitation(json: string): SignedInvitation {
  if (json.length > MAX_INVITATION) throw new ShoalError("payload_too_large", "an invitation is smaller");
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new ShoalError("invalid_argument", "an invitation is JSON", { field: "invitation", cause });
  }
  const read = claimShape.safeParse(value);
  if (!read.success) throw new ShoalError("invalid_argument", "expected an invitation", { field: "invitation" });
  // The shape checks what the brands claim.
  return read.data as unknown as SignedInvitation;
}
