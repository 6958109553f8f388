/** An invitation as a person pastes it: the line that the command line writes, its JSON, or a node's whole answer. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { INVITATION_MARK, signedInvitationSchema } from "@shoal/shared/wire/node/governance/invitations.ts";
import type { SignedInvitation } from "../governance/contract.ts";
import { invitationOf } from "../server/admin/governance/invitation-wire.ts";

/** Characters of one; more is none. */
const MOST = 64 * 1024;

/** Throws `invalid_argument` for anything else. `given`: text, or the value that its JSON stands for. */
export function readInvitation(given: unknown): SignedInvitation {
  const value = typeof given === "string" ? parsed(given.trim()) : given;
  const inner = (value as { readonly invitation?: unknown } | null)?.invitation;
  for (const candidate of [value, inner]) {
    const read = signedInvitationSchema.safeParse(candidate);
    if (read.success) return invitationOf(read.data);
  }
  throw refused("it has not the parts of an invitation");
}

function parsed(text: string): unknown {
  if (text.length > MOST) throw refused(`it has more than ${MOST} characters`);
  const isLine = text.startsWith(INVITATION_MARK);
  const json = isLine ? Buffer.from(text.slice(INVITATION_MARK.length), "base64url").toString("utf8") : text;
  try {
    return JSON.parse(json) as unknown;
  } catch (cause) {
    const expected = `it is neither a line that begins with ${INVITATION_MARK} nor JSON`;
    throw refused(isLine ? "the line is not whole" : expected, cause);
  }
}

const refused = (why: string, cause?: unknown): ShoalError =>
  new ShoalError("invalid_argument", `that is no invitation: ${why}`, { field: "invitation", cause });
