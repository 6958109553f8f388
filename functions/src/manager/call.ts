/** One request on its way: what the road has found out about it, in the types of its endpoint. */
import type { z } from "zod";
import type { Role, Scope } from "@shoal/shared/model/account.ts";
import type { AnswerKind } from "@shoal/shared/wire/endpoints/endpoint.ts";
import type { Body, EndpointById, EndpointId, Params, Query } from "@shoal/shared/wire/endpoints/index.ts";
import type { Whoami } from "@shoal/shared/wire/endpoints/sessions.ts";

/** Who calls, within which organisation, and what they may do. */
export interface Caller {
  readonly organisation: Whoami["organisation"];
  readonly actor: Whoami["actor"];
  readonly plan: Whoami["plan"];
  readonly scopes: readonly Scope[];
  /** Id of the API key or session. */
  readonly credentialId: string;
  readonly expiresAt: Date | undefined;
  /** Of a person; an API key has none. */
  readonly role: Role | undefined;
}

/** What is known of a request before anything of it is believed. */
export interface RequestFacts {
  readonly requestId: string;
  /** 32 hexadecimal digits, of the caller's trace or our own. */
  readonly traceId: string;
  readonly address: string;
  readonly request: Request;
  readonly header: (name: string) => string | undefined;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
}

export interface Call<Id extends EndpointId> {
  readonly id: Id;
  readonly params: Params<Id>;
  readonly query: Query<Id>;
  readonly body: Body<Id>;
  readonly caller: EndpointById[Id]["scope"] extends "public" ? undefined : Caller;
  readonly facts: RequestFacts;
  /** Looks at the credential again; throws where it no longer reaches this endpoint. */
  readonly recheck: () => Promise<void>;
}

type Headers = Readonly<Record<string, string>>;
type ReplyAs<Status, A> = A extends z.ZodType
  ? { readonly status: Status; readonly body: z.output<A>; readonly headers?: Headers }
  : { readonly status: Status; readonly headers?: Headers };
type Responses<Id extends EndpointId> = EndpointById[Id]["responses"] & Readonly<Record<number, AnswerKind>>;

/** One of the endpoint's declared responses. */
export type Reply<Id extends EndpointId> = {
  [Status in keyof EndpointById[Id]["responses"]]: ReplyAs<Status, Responses<Id>[Status & number]>;
}[keyof EndpointById[Id]["responses"]];

/** An answer that goes on for as long as somebody reads it. */
export interface Streamed {
  readonly stream: ReadableStream<Uint8Array>;
  readonly contentType: string;
}

export type Handler<Id extends EndpointId> = (call: Call<Id>) => Promise<Reply<Id> | Streamed>;

/** One handler for each endpoint: the compiler misses none. */
export type Handlers = { readonly [Id in EndpointId]: Handler<Id> };
