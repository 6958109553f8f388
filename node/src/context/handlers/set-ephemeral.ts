/** Presence: told to whoever listens now, never stored. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { ContextId } from "../../model/ids.ts";
import type { ContextParts } from "../parts.ts";
import { known } from "./queries.ts";

/** Bytes of a presence state. */
export const MAX_EPHEMERAL = 16 * 1024;

export async function setEphemeral(parts: ContextParts, id: ContextId, state: Uint8Array): Promise<undefined> {
  known(parts, id);
  if (state.length > MAX_EPHEMERAL) {
    throw new ShoalError("payload_too_large", `at most ${MAX_EPHEMERAL} bytes of presence`, { field: "state" });
  }
  parts.events.publish({
    contextId: id,
    event: { type: "Ephemeral", author: parts.account.publicKey, state, removed: state.length === 0 },
  });
  parts.watchers.tell("ephemeral", { contextId: id, state });
  return undefined;
}
