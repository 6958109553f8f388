/** What a call takes and gives, by endpoint id: read off the registry, nothing is written twice. */
import type {
  Answer,
  BodyInput,
  EndpointById,
  EndpointId,
  Params,
  QueryInput,
} from "@shoal/shared/wire/endpoints/index.ts";

/** What `fetch` has to be able to do. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface CallOptions {
  /** Ends the call, its retries and its waits; it then throws `cancelled`. */
  readonly signal?: AbortSignal;
}

type ShapeOf<Schema> = Schema extends { readonly shape: infer Shape } ? Shape : never;

type ParamsPart<Id extends EndpointId> = keyof ShapeOf<EndpointById[Id]["params"]> extends never
  ? { readonly params?: undefined }
  : { readonly params: Params<Id> };

type QueryPart<Id extends EndpointId> = keyof ShapeOf<EndpointById[Id]["query"]> extends never
  ? { readonly query?: undefined }
  : { readonly query?: QueryInput<Id> };

type BodyPart<Id extends EndpointId> = EndpointById[Id]["body"] extends undefined
  ? { readonly body?: undefined }
  : { readonly body: BodyInput<Id> };

type ConditionPart<Id extends EndpointId> = EndpointById[Id] extends {
  readonly path: "/api/v1/processors/{id}";
  readonly method: "PATCH";
}
  ? { readonly ifMatch: number }
  : { readonly ifMatch?: undefined };

type KeyPart<Id extends EndpointId> = EndpointById[Id]["method"] extends "POST"
  ? {
      /** Made up where it is left out. Give one to repeat a call after a restart of your own program. */
      readonly idempotencyKey?: string;
    }
  : { readonly idempotencyKey?: undefined };

/** Everything that a call of this endpoint may and has to carry. */
export type CallInput<Id extends EndpointId> = CallOptions &
  ParamsPart<Id> &
  QueryPart<Id> &
  BodyPart<Id> &
  ConditionPart<Id> &
  KeyPart<Id>;

/** The last argument, which may be left out where nothing in it is required. */
export type CallArguments<Id extends EndpointId> =
  CallOptions extends CallInput<Id> ? [input?: CallInput<Id>] : [input: CallInput<Id>];

/** Endpoints that answer with a page and a cursor to go on from. */
export type PagedId = {
  [Id in EndpointId]: Answer<Id> extends { readonly items: readonly unknown[]; readonly next_cursor: infer Cursor }
    ? null extends Cursor
      ? Id
      : never
    : never;
}[EndpointId];

export type ItemOf<Id extends PagedId> = Answer<Id> extends { readonly items: readonly (infer Item)[] } ? Item : never;
