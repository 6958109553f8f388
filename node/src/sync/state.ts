/** How a context stands here, as it is told to a peer and compared with what the peer tells. */
import type { ContextReplicas } from "../context/replica.ts";
import { bytesOf, type ContextId, type Hash } from "../model/ids.ts";
import { sha256 } from "../model/sha256.ts";
import type { ContextState } from "./exchanges.ts";

/** undefined where this node does not have the context. */
export async function stateOf(contexts: ContextReplicas, id: ContextId): Promise<ContextState | undefined> {
  const summary = contexts.summary(id);
  if (summary === undefined) return undefined;
  const { isInitialized, root, heads, deltas, layout } = summary;
  return { isInitialized, root, heads, deltas, layout, fingerprint: (await contexts.ids(id)).fingerprint() };
}

/** What a heartbeat says: equal where root and heads are. */
export function digestOf(root: Hash | undefined, heads: readonly Hash[]): Uint8Array {
  return sha256(...[...(root === undefined ? [] : [root]), ...heads.toSorted()].map(bytesOf));
}
