/** The stops of every REST request, in order: who asks, what for, then the handler, then the answer. */
import type { IncomingMessage } from "node:http";
import type { Log } from "@shoal/shared/base/log.ts";
import type { NodeEndpoint } from "@shoal/shared/wire/node/endpoint.ts";
import type { Principal } from "../auth/contract.ts";
import type { Authorize } from "./authorize.ts";
import { jsonOf, readBody } from "./body.ts";
import type { RequestFacts } from "./call.ts";
import type { ServerLimits } from "./limits.ts";
import { parse } from "./parse.ts";
import { refusalOf } from "./refusal.ts";

/** A handler as the router has it: the endpoint's schemas say at run time what its types said at compile time. */
export type UntypedHandler = (call: RequestFacts & Record<"params" | "query" | "body", unknown>) => Promise<unknown>;

export interface Given {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly facts: Omit<RequestFacts, "principal">;
}

export interface Road {
  serve(endpoint: NodeEndpoint, handler: UntypedHandler, given: Given): Promise<Response>;
  refuse(thrown: unknown, requestId: string, headers?: Readonly<Record<string, string>>): Response;
}

export function createRoad(init: {
  readonly authorize: Authorize;
  readonly limits: Pick<ServerLimits, "bodyBytes" | "publicBodyBytes" | "bodyWithin">;
  readonly log: Log;
}): Road {
  const { authorize, limits, log } = init;

  const admit = async (endpoint: NodeEndpoint, { params, facts }: Given): Promise<readonly [unknown, Principal?]> => {
    const { permission } = endpoint;
    if (permission === "public") return [parse(endpoint.params, params)];
    let parsed: Record<string, unknown>;
    try {
      parsed = parse(endpoint.params, params);
    } catch (wrong) {
      // Who may not call at all is told so first, not what an id looks like.
      await authorize(facts.request, undefined);
      throw wrong;
    }
    const principal = await authorize(facts.request, requiredOf(permission, parsed));
    return principal === undefined ? [parsed] : [parsed, principal];
  };

  const bodyOf = async (endpoint: NodeEndpoint, incoming: IncomingMessage): Promise<unknown> => {
    if (endpoint.body === undefined || endpoint.body === "bytes") return undefined;
    const bytes = endpoint.permission === "public" ? limits.publicBodyBytes : limits.bodyBytes;
    const body = await readBody(incoming, { bytes, withinMs: limits.bodyWithin });
    return parse(endpoint.body, jsonOf(incoming, body));
  };

  const refuse: Road["refuse"] = (thrown, requestId, headers = {}) => {
    const refusal = refusalOf(thrown, requestId, log);
    return new Response(refusal.body, { status: refusal.status, headers: { ...refusal.headers, ...headers } });
  };

  return {
    refuse,
    serve: async (endpoint, handler, given) => {
      const { facts } = given;
      try {
        const [params, principal] = await admit(endpoint, given);
        const query = parse(endpoint.query, given.query);
        const body = await bodyOf(endpoint, facts.incoming);
        const reply = await handler({ ...facts, principal, params, query, body });
        if (reply instanceof Response) return reply;
        return new Response(JSON.stringify(reply), { status: 200, headers: JSON_HEADERS });
      } catch (thrown) {
        return refuse(thrown, facts.requestId);
      }
    },
  };
}

const JSON_HEADERS = { "content-type": "application/json", "cache-control": "no-store" };

/** `context:delete[{id}]` with what the path says; what is put in has passed the schema of an id. */
function requiredOf(permission: string, params: Readonly<Record<string, unknown>>): string | undefined {
  if (permission === "authenticated") return undefined;
  return permission.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(params[name]));
}
