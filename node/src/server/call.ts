/** One request on its way to its handler: what has been found out about it, in the types of its endpoint. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { z } from "zod";
import type { NodeBody, NodeEndpoint, NodeParams, NodeQuery, NodeReply } from "@shoal/shared/wire/node/endpoint.ts";
import type { Principal } from "../auth/contract.ts";

/** What is known of a request whatever its endpoint is. */
export interface RequestFacts {
  readonly requestId: string;
  readonly request: Request;
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  /** undefined where the node has no guard of its own (proxy mode) or the endpoint is public. */
  readonly principal: Principal | undefined;
}

export interface Call<E extends NodeEndpoint> extends RequestFacts {
  readonly params: NodeParams<E>;
  readonly query: NodeQuery<E>;
  readonly body: NodeBody<E>;
}

/**
 * Gives the answer's JSON, or a `Response` where the endpoint's answer is none. Errors are thrown: a `ShoalError` becomes
 * its status, anything else 500.
 */
export type Handler<E extends NodeEndpoint> = (
  call: Call<E>,
) => Promise<E["answer"] extends z.ZodType ? NodeReply<E> : Response>;

/** One handler for each endpoint of a resource's list: the compiler misses none. */
export type HandlersOf<List extends readonly NodeEndpoint[]> = {
  readonly [E in List[number] as E["id"]]: Handler<E>;
};
