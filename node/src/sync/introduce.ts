/**
 * Who has just joined is a stranger to every peer that has not heard of it: what such a peer refuses is asked again after the
 * invitation was shown on the same channel.
 */
import type { GroupId } from "../model/ids.ts";
import type { SyncParts } from "./parts.ts";
import { PeerRefusal, type Session } from "./session.ts";

/** Runs `work`, which asks about the namespace; again after an introduction where the peer does not know this account. */
export async function introduced<T>(
  { governance }: Pick<SyncParts, "governance">,
  session: Session,
  namespaceId: GroupId,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    const invitation = governance.invitationOf(namespaceId);
    if (!(thrown instanceof PeerRefusal) || thrown.code !== "not_found" || invitation === undefined) throw thrown;
    await session.ask("showInvitation", JSON.stringify(invitation));
    return work();
  }
}
