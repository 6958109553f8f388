/** Whether the caller's scopes reach the endpoint. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Endpoint } from "@shoal/shared/wire/endpoints/endpoint.ts";
import type { Caller } from "../call.ts";

export function authorize(endpoint: Endpoint, caller: Caller): void {
  const { scope } = endpoint;
  if (scope === "public" || scope === "authenticated" || caller.scopes.includes(scope)) return;
  throw new ShoalError("permission_denied", `needs the scope ${scope}`);
}

/** For what only a person may do. Returns the user's id. */
export function requireUser(caller: Caller): string {
  if (caller.actor.kind !== "user") throw new ShoalError("permission_denied", "only a signed-in user may do this");
  return caller.actor.id;
}
