/** For whom a call's unit works: its caller. */
import type { Caller, RequestFacts } from "./call.ts";
import type { Principal } from "./unit.ts";

export function principalOf(call: { readonly caller: Caller; readonly facts: RequestFacts }): Principal {
  const { kind, id } = call.caller.actor;
  return {
    organisationId: call.caller.organisation.id,
    actor: { kind, id },
    secret: call.facts.header("authorization") ?? "",
  };
}
