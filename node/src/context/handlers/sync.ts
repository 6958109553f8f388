/** A person's wish to be level with the peers at once. */
import type { ContextId } from "../../model/ids.ts";
import type { ContextParts } from "../parts.ts";
import { known } from "./queries.ts";

export async function sync(parts: ContextParts, id: ContextId | undefined): Promise<undefined> {
  if (id !== undefined) known(parts, id);
  await parts.syncing.sync(id);
  return undefined;
}
