/** The guard of the node's routes. */
import type { Guard } from "./contract.ts";
import { AuthRefusal } from "./failure.ts";
import { checkNode } from "./node-host.ts";
import { anyCovers, parsePermission } from "./permissions.ts";
import type { Verified, Verifier } from "./verifier.ts";

export interface TokenGuard extends Guard {
  /** Who calls, whatever they may; throws an `AuthFailure`. `token`: where the request carries it elsewhere. */
  authenticate(request: Request, token?: string): Promise<Verified>;
  authorize(request: Request, required: string | undefined): Promise<Verified>;
}

export function createTokenGuard(verifier: Verifier, nodeHost: string | undefined): TokenGuard {
  const authenticate: TokenGuard["authenticate"] = async (request, carried) => {
    const token = carried ?? tokenOf(request);
    if (token === undefined) throw new AuthRefusal("missing_token", "send Authorization: Bearer, or ?token=");
    const verified = await verifier.verify(token);
    checkNode(verified.nodeUrl, request, nodeHost);
    return verified;
  };
  const authorize: TokenGuard["authorize"] = async (request, required) => {
    const verified = await authenticate(request);
    if (required !== undefined && !anyCovers(verified.permissions, parsePermission(required, "permission")))
      throw new AuthRefusal("permission_denied", `this needs the permission ${required}`);
    return verified;
  };
  return {
    authenticate,
    authorize,
    check: async (request, required) => (await authorize(request, required)).principal,
  };
}

/** In proxy mode somebody else has judged every request that arrives. */
export const openGuard: Guard = {
  check: async () => ({ keyId: "proxy", permissions: ["admin"] }),
};

/** `Authorization: Bearer`, else `?token=`: a browser's EventSource and WebSocket cannot send headers. */
function tokenOf(request: Request): string | undefined {
  const header = request.headers.get("authorization");
  if (header !== null) return /^Bearer +(\S+) *$/i.exec(header)?.[1];
  return tokenInUrl(request.url);
}

/** `token` of an address's query. */
export function tokenInUrl(url: string): string | undefined {
  const query = url.indexOf("?");
  const token = query < 0 ? null : new URLSearchParams(url.slice(query + 1)).get("token");
  return token === null || token === "" ? undefined : token;
}
