/** How late the writes of an artifact are. */
import { readStorageDelta } from "./actions.ts";

/** The latest stamp of its actions, nanoseconds; 0 for none. Throws `invalid_argument` where it is no storage delta of any layout. */
export function latestStamp(artifact: Uint8Array): bigint {
  if (artifact.length === 0) return 0n;
  let latest = 0n;
  for (const action of readStorageDelta(artifact).actions) {
    if (action.metadata.updatedAt > latest) latest = action.metadata.updatedAt;
    if (action.kind === "delete" && action.deletedAt > latest) latest = action.deletedAt;
  }
  return latest;
}
