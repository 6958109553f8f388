/**
 * The one road that every request travels, whatever it asks for: who calls, how often, whether they may, what they send, and
 * only then the handler. Each stop may refuse; what is thrown anywhere becomes the error body at the end.
 */
import { z } from "zod";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Endpoint } from "@shoal/shared/wire/endpoints/endpoint.ts";
import type { Caller, RequestFacts, Streamed } from "../call.ts";
import type { ManagerLimits } from "../limits.ts";
import { answer, errorReply, toShoalError, type PlainReply } from "./answer.ts";
import type { Authenticator } from "./authenticate.ts";
import { authorize } from "./authorize.ts";
import { readJson } from "./body.ts";
import { requireIfMatch } from "./if-match.ts";
import { rateLimitHeaders, type RateLimiter } from "./rate-limit.ts";
import { queryOf, storable, validated } from "./validate.ts";

/** A handler whose types its endpoint's schemas have been checked against already. */
export type UntypedHandler = (call: {
  readonly id: string;
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly caller: Caller | undefined;
  readonly facts: RequestFacts;
  readonly recheck: () => Promise<void>;
}) => Promise<PlainReply | Streamed>;

export interface RoadInit {
  readonly authenticator: Authenticator;
  readonly rates: RateLimiter;
  readonly limits: ManagerLimits;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Road {
  readonly serve: (
    facts: RequestFacts,
    endpoint: Endpoint,
    params: Record<string, string>,
    handler: UntypedHandler,
  ) => Promise<Response>;
  /** The answer of what never reached an endpoint. */
  readonly refuse: (facts: RequestFacts, thrown: unknown, headers?: Record<string, string>) => Response;
}

export function createRoad(init: RoadInit): Road {
  const { log, clock } = init;

  const refuse: Road["refuse"] = (facts, thrown, headers = {}) => {
    const error = toShoalError(thrown);
    if (error.code === "internal") log.error({ err: thrown, requestId: facts.requestId }, "a request failed");
    return answer(errorReply(error, facts.requestId), { ...headers, "X-Request-Id": facts.requestId });
  };

  return {
    refuse,
    serve: async (facts, endpoint, params, handler) => {
      const began = clock.monotonic();
      const headers: Record<string, string> = { "X-Request-Id": facts.requestId };
      let caller: Caller | undefined;
      const response = await (async () => {
        try {
          caller = await enter(init, facts, endpoint, headers);
          const call = { id: endpoint.id, ...(await inputOf(facts, endpoint, params, init.limits)) };
          const recheck = recheckOf(init, facts, endpoint);
          return answer(await handler({ ...call, caller, facts, recheck }), headers);
        } catch (thrown) {
          return refuse(facts, thrown, headers);
        }
      })();
      const { requestId, traceId } = facts;
      const organisation = caller?.organisation.id;
      const ms = Math.round(clock.monotonic() - began);
      log.info({ endpoint: endpoint.id, status: response.status, ms, organisation, requestId, traceId }, "answered");
      return response;
    },
  };
}

/** Finds the caller and takes the request from their allowance, which is told in `headers`. */
async function enter(
  init: RoadInit,
  facts: RequestFacts,
  endpoint: Endpoint,
  headers: Record<string, string>,
): Promise<Caller | undefined> {
  if (endpoint.scope === "public") {
    takeAnonymous(init, facts, headers);
    return undefined;
  }
  let caller: Caller;
  try {
    const token = init.authenticator.tokenOf(facts.header("authorization"));
    // Guessing is bounded before the database is asked.
    if (!init.authenticator.knows(token)) refuseGuessing(init, facts);
    caller = await init.authenticator.callerOf(token);
  } catch (thrown) {
    if (thrown instanceof ShoalError && thrown.code === "unauthenticated") takeAnonymous(init, facts, headers);
    throw thrown;
  }
  const { requests_per_minute: perMinute, name } = caller.plan;
  const allowance = init.rates.take(`credential ${caller.credentialId}`, perMinute);
  Object.assign(headers, rateLimitHeaders(allowance));
  if (!allowance.allowed)
    throw new ShoalError("rate_limited", `the ${name} plan allows ${perMinute} requests a minute`, {
      retryAfterSeconds: allowance.retryAfterSeconds,
    });
  authorize(endpoint, caller);
  return caller;
}

const bucketOf = (facts: RequestFacts): string => `address ${facts.address}`;

function tooMany(retryAfterSeconds: number): ShoalError {
  return new ShoalError("rate_limited", "too many requests without a valid credential from this address", {
    retryAfterSeconds,
  });
}

function refuseGuessing({ rates, limits }: RoadInit, facts: RequestFacts): void {
  if (rates.isEmpty(bucketOf(facts), limits.anonymousRequestsPerMinute)) throw tooMany(1);
}

function takeAnonymous({ rates, limits }: RoadInit, facts: RequestFacts, headers: Record<string, string>): void {
  const allowance = rates.take(bucketOf(facts), limits.anonymousRequestsPerMinute);
  Object.assign(headers, rateLimitHeaders(allowance));
  if (!allowance.allowed) throw tooMany(allowance.retryAfterSeconds);
}

/** What a request may carry whose endpoint takes no body. */
const NOTHING = z.strictObject({});

async function inputOf(
  facts: RequestFacts,
  endpoint: Endpoint,
  params: Record<string, string>,
  limits: ManagerLimits,
): Promise<{ readonly params: unknown; readonly query: unknown; readonly body: unknown }> {
  const input = {
    params: validated(endpoint.params, storable(params)),
    query: validated(endpoint.query, queryOf(facts.request.url)),
  };
  if (endpoint.conditional) requireIfMatch(facts.header("if-match"));
  if (endpoint.method === "GET") return { ...input, body: undefined };
  const json = await readJson(facts, limits);
  if (endpoint.body !== undefined) return { ...input, body: validated(endpoint.body, json ?? {}) };
  if (json !== undefined) validated(NOTHING, json);
  return { ...input, body: undefined };
}

function recheckOf({ authenticator }: RoadInit, facts: RequestFacts, endpoint: Endpoint): () => Promise<void> {
  return async () => {
    if (endpoint.scope === "public") return;
    authorize(endpoint, await authenticator.callerOf(authenticator.tokenOf(facts.header("authorization"))));
  };
}
