/**
 * In whose name a call acts that names nobody (G3). What a token allows is judged for the very identity that then acts, so
 * the answer may be kept for a while; it is asked for again after the identity was refused.
 */
import type { ContextClient } from "../../clients/context-client.ts";
import type { ContextId, PublicKey } from "../../model/ids.ts";

export interface Executors {
  /** The first identity of the context that this node may act as; undefined where there is none. */
  of(context: ContextId): Promise<PublicKey | undefined>;
  forget(context: ContextId): void;
}

const KEPT = 10_000;

export function createExecutors(contexts: Pick<ContextClient, "identities">): Executors {
  const kept = new Map<ContextId, PublicKey>();
  return {
    of: async (context) => {
      const known = kept.get(context);
      if (known !== undefined) return known;
      const found = (await contexts.identities(context)).find(({ owned }) => owned)?.publicKey;
      if (found === undefined) return undefined;
      if (kept.size >= KEPT) kept.clear();
      kept.set(context, found);
      return found;
    },
    forget: (context) => void kept.delete(context),
  };
}
