/** The registry: every endpoint of the API, by id. */
import { z } from "zod";
import { apiKeyEndpoints } from "./api-keys.ts";
import { auditEndpoints } from "./audit.ts";
import {
  defineEndpoint,
  type AnswerOf,
  type BodyInputOf,
  type BodyOf,
  type Endpoint,
  type QueryInputOf,
} from "./endpoint.ts";
import type { ParamsOf, QueryOf } from "./endpoint.ts";
import { eventEndpoints } from "./events.ts";
import { operationEndpoints } from "./operations.ts";
import { organisationEndpoints } from "./organisations.ts";
import { processorEndpoints } from "./processors.ts";
import { sessionEndpoints } from "./sessions.ts";
import { templateEndpoints } from "./templates.ts";

const ALL = [
  defineEndpoint({
    id: "openapi.get",
    method: "GET",
    path: "/api/v1/openapi.json",
    scope: "public",
    summary: "This API as an OpenAPI 3.1 document",
    responses: { 200: z.record(z.string(), z.unknown()) },
  }),
  ...sessionEndpoints,
  ...organisationEndpoints,
  ...apiKeyEndpoints,
  ...templateEndpoints,
  ...processorEndpoints,
  ...operationEndpoints,
  ...eventEndpoints,
  ...auditEndpoints,
] as const;

type Declared = (typeof ALL)[number];
/** Each endpoint's own type, by its id. */
export type EndpointById = { readonly [E in Declared as E["id"]]: E };
export type EndpointId = keyof EndpointById;

export const ENDPOINTS = Object.fromEntries(ALL.map((endpoint) => [endpoint.id, endpoint])) as unknown as EndpointById;

/** Every endpoint, in the order of the documentation. */
export const ENDPOINT_LIST: readonly Endpoint[] = ALL;

export type Params<Id extends EndpointId> = ParamsOf<EndpointById[Id]>;
export type Query<Id extends EndpointId> = QueryOf<EndpointById[Id]>;
export type Body<Id extends EndpointId> = BodyOf<EndpointById[Id]>;
export type Answer<Id extends EndpointId> = AnswerOf<EndpointById[Id]>;
/** What a caller may write, before defaults are filled in. */
export type QueryInput<Id extends EndpointId> = QueryInputOf<EndpointById[Id]>;
export type BodyInput<Id extends EndpointId> = BodyInputOf<EndpointById[Id]>;
