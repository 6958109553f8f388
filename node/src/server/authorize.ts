/**
 * Whether a caller may. Without a guard (proxy mode: whoever stands before the node has asked already) everybody may. A
 * token that is bound to one identity of a context may look at the context in that identity's name: such a demand is tried
 * for the identities that this node may act as, after the demand for the context as a whole was refused.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Guard, Principal } from "../auth/contract.ts";
import type { ContextClient } from "../clients/context-client.ts";
import type { ContextId } from "../model/ids.ts";

export interface Authorize {
  readonly guarded: boolean;
  /** Throws an `AuthFailure`. `required` undefined: any valid token will do. */
  (request: Request, required: string | undefined): Promise<Principal | undefined>;
}

/** Identities of one context that are tried at most. */
const IDENTITIES_TRIED = 32;
const OF_ONE_CONTEXT = /^(context:list)\[([1-9A-HJ-NP-Za-km-z]+)\]$/;

export function createAuthorize(guard: Guard | undefined, contexts: Pick<ContextClient, "identities">): Authorize {
  const authorize = async (request: Request, required: string | undefined): Promise<Principal | undefined> => {
    if (guard === undefined) return undefined;
    try {
      return await guard.check(request, required);
    } catch (refused) {
      const match = required === undefined ? null : OF_ONE_CONTEXT.exec(required);
      if (match === null || !(refused instanceof ShoalError) || refused.code !== "permission_denied") throw refused;
      const [, path, context] = match;
      for (const identity of await ownedIdentities(contexts, context as ContextId)) {
        const principal = await allowed(guard, request, `${path}[${context},${identity}]`);
        if (principal !== undefined) return principal;
      }
      throw refused;
    }
  };
  return Object.assign(authorize, { guarded: guard !== undefined });
}

/** Whether the token of a request that was let in once would be let in now; a guard that cannot tell changes nothing. */
export async function isStillGood(authorize: Authorize, request: Request): Promise<boolean> {
  try {
    await authorize(request, undefined);
    return true;
  } catch (thrown) {
    return !(
      thrown instanceof ShoalError &&
      (thrown.code === "unauthenticated" || thrown.code === "permission_denied")
    );
  }
}

async function allowed(guard: Guard, request: Request, required: string): Promise<Principal | undefined> {
  try {
    return await guard.check(request, required);
  } catch (refused) {
    if (refused instanceof ShoalError && refused.code === "permission_denied") return undefined;
    throw refused;
  }
}

async function ownedIdentities(contexts: Pick<ContextClient, "identities">, id: ContextId): Promise<readonly string[]> {
  try {
    const identities = await contexts.identities(id);
    return identities
      .filter(({ owned }) => owned)
      .map(({ publicKey }) => publicKey)
      .slice(0, IDENTITIES_TRIED);
  } catch {
    // A context that is not here is refused like one that is: whoever may not look learns nothing.
    return [];
  }
}
