/** What a call to a node takes and gives, by endpoint id: read off the registry, nothing is written twice. */
import type { NodeEndpointById, NodeEndpointId } from "@shoal/shared/wire/node/index.ts";
import type { CallOptions } from "../types.ts";

type ShapeOf<Schema> = Schema extends { readonly shape: infer Shape } ? Shape : never;

type ParamsPart<Id extends NodeEndpointId> = keyof ShapeOf<NodeEndpointById[Id]["params"]> extends never
  ? { readonly params?: undefined }
  : { readonly params: { readonly [Name in keyof ShapeOf<NodeEndpointById[Id]["params"]>]: string } };

/** What a schema takes and gives, by what zod keeps of itself. */
type InputOf<Schema> = Schema extends { readonly _zod: { readonly input: infer Input } } ? Input : undefined;
type OutputOf<Schema> = Schema extends { readonly _zod: { readonly output: infer Output } } ? Output : undefined;

interface QueryPart<Id extends NodeEndpointId> {
  readonly query?: InputOf<NodeEndpointById[Id]["query"]>;
}

type BodyPart<Id extends NodeEndpointId> =
  InputOf<NodeEndpointById[Id]["body"]> extends undefined
    ? { readonly body?: undefined }
    : { readonly body: InputOf<NodeEndpointById[Id]["body"]> };

/** Endpoints whose body and answer are JSON or text; the others have methods of their own. */
export type NodeCallId = {
  [Id in NodeEndpointId]: "bytes" extends NodeEndpointById[Id]["body"]
    ? never
    : NodeEndpointById[Id]["answer"] extends "bytes" | "events"
      ? never
      : Id;
}[NodeEndpointId];

export type NodeCallInput<Id extends NodeEndpointId> = ParamsPart<Id> & QueryPart<Id> & BodyPart<Id> & CallOptions;

/** The input may be left out where nothing in it has to be given. */
export type NodeCallArguments<Id extends NodeEndpointId> =
  Record<string, never> extends NodeCallInput<Id> ? [input?: NodeCallInput<Id>] : [input: NodeCallInput<Id>];

export type NodeAnswerOf<Id extends NodeEndpointId> = NodeEndpointById[Id]["answer"] extends "text"
  ? string
  : OutputOf<NodeEndpointById[Id]["answer"]>;
