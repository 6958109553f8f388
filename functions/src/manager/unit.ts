/**
 * A unit of work: what a changing request does, in ONE transaction. Intent, operation, audit entry, events, knocks and the
 * answer that is kept for a repeat commit together or not at all. The wake-up goes out after the commit; where it is lost,
 * the sweep finds the knock.
 */
import type { Random } from "@shoal/shared/base/random.ts";
import type { EndpointId } from "@shoal/shared/wire/endpoints/index.ts";
import { recordAudit } from "../store/audit/record.ts";
import type { Database, Tx } from "../store/database.ts";
import { addEvent } from "../store/operations/add-event.ts";
import { wake } from "../store/tasks/wake.ts";
import type { Call, Reply } from "./call.ts";
import type { PlainReply } from "./road/answer.ts";
import { idempotencyKeyOf, once, requestHashOf, type Repeatable } from "./road/idempotency.ts";

/** For whom a unit works. */
export interface Principal {
  readonly organisationId: string;
  readonly actor: { readonly kind: "user" | "api_key" | "system"; readonly id: string };
  /** Seals answers that carry a credential. */
  readonly secret: string;
}

export interface Resource {
  readonly kind:
    | "organisation"
    | "member"
    | "invitation"
    | "session"
    | "api_key"
    | "template"
    | "version"
    | "processor";
  readonly id: string;
}

export interface Unit {
  readonly tx: Tx;
  readonly principal: Principal;
  readonly traceId: string;
  /** Puts down who asked for what. */
  readonly audit: (action: string, resource: Resource, details?: object) => Promise<void>;
  readonly event: (
    kind: string,
    resource: Resource,
    what: { readonly generation?: number; readonly reason: string; readonly message: string },
  ) => Promise<void>;
  /** Knocks were put down otherwise: the dispatcher is woken after the commit. */
  readonly knocked: () => void;
  /** Says to the dispatcher: look at this processor. */
  readonly knock: (processorId: string, generation: number) => Promise<void>;
}

export interface UnitOptions {
  readonly principal: Principal;
  /** `accounts` for what belongs to no organisation yet. */
  readonly role?: "tenant" | "accounts";
}

export interface Units {
  readonly run: <Id extends EndpointId>(
    call: Call<Id>,
    options: UnitOptions,
    work: (unit: Unit) => Promise<Reply<Id>>,
  ) => Promise<Reply<Id>>;
}

export function createUnits(init: {
  readonly database: Pick<Database, "asTenant" | "asAccounts">;
  readonly random: Random;
  /** Told after the commit of a unit that knocked; never rejects. */
  readonly knocked: () => Promise<void>;
  /** Told after each commit. */
  readonly committed: (organisationId: string) => void;
  readonly isConfidential: (id: EndpointId) => boolean;
  readonly isRepeatable: (id: EndpointId) => boolean;
}): Units {
  const repeatable = <Id extends EndpointId>(call: Call<Id>, principal: Principal): Repeatable | undefined => {
    const key = init.isRepeatable(call.id) ? idempotencyKeyOf(call.facts.header("idempotency-key")) : undefined;
    if (key === undefined) return undefined;
    return {
      organisationId: principal.organisationId,
      key,
      route: call.id,
      requestHash: requestHashOf({ params: call.params, query: call.query, body: call.body ?? null }),
      secret: init.isConfidential(call.id) ? principal.secret : undefined,
    };
  };

  return {
    run: async (call, { principal, role = "tenant" }, work) => {
      const request = repeatable(call, principal);
      let knocks = 0;
      const inside = async (tx: Tx): Promise<PlainReply> => {
        knocks = 0; // the transaction may run again
        const unit = unitOf(tx, principal, call.facts, () => (knocks += 1));
        return once(tx, request, init.random, async () => work(unit) as Promise<PlainReply>);
      };
      const reply =
        role === "tenant"
          ? await init.database.asTenant(principal.organisationId, inside)
          : await init.database.asAccounts(inside);
      init.committed(principal.organisationId);
      if (knocks > 0) await init.knocked();
      return reply as Awaited<ReturnType<typeof work>>;
    },
  };
}

function unitOf(
  tx: Tx,
  principal: Principal,
  facts: { readonly requestId: string; readonly traceId: string },
  onKnock: () => void,
): Unit {
  const { organisationId, actor } = principal;
  return {
    tx,
    principal,
    traceId: facts.traceId,
    audit: (action, resource, details = {}) =>
      recordAudit(tx, {
        organisation_id: organisationId,
        actor_kind: actor.kind,
        actor_id: actor.id,
        action,
        resource_kind: resource.kind,
        resource_id: resource.id,
        request_id: facts.requestId,
        details,
      }),
    event: (kind, resource, { generation, reason, message }) =>
      addEvent(tx, {
        organisation_id: organisationId,
        kind,
        resource_kind: resource.kind,
        resource_id: resource.id,
        generation: generation ?? null,
        reason,
        message,
        trace_id: facts.traceId,
      }),
    knocked: onKnock,
    knock: async (processorId, generation) => {
      onKnock();
      await wake(tx, [{ kind: "processor", key: processorId, organisationId, generation, traceId: facts.traceId }]);
    },
  };
}
