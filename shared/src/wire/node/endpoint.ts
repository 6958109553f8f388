/**
 * An endpoint of a node as data, declared once: router, OpenAPI document, command line and the tests that go over "every
 * endpoint" all read it. Upstream's clients call these routes too, so names and shapes are theirs, unknown fields of bodies
 * are let through (older clients send `requester` and its like), and every success is 200.
 */
import { z } from "zod";
import type { ErrorCode } from "../../base/errors.ts";

export type NodeMethod = "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";

/** Which generations of upstream's clients call it; `shoal` for what only ours knows. */
export type Generation = "G2" | "G3" | "G2 G3" | "shoal";

/** What an answer carries: JSON, or a body that the handler makes itself. */
export type NodeAnswer = z.ZodType | "bytes" | "text" | "events";

export interface NodeEndpoint {
  /** `resource.verb`. */
  readonly id: string;
  readonly method: NodeMethod;
  /** Path with `{name}` for each parameter. */
  readonly path: `/${string}`;
  /**
   * Permission that a token has to hold, in auth's grammar, with `{name}` for a path parameter that is an id:
   * `context:delete[{id}]`. `public` needs no token, `authenticated` any valid one.
   */
  readonly permission: string;
  readonly summary: string;
  readonly params: z.ZodObject;
  readonly query: z.ZodObject;
  /** JSON, `bytes` for a raw stream, or nothing. A body whose schema takes `{}` may be left out. */
  readonly body: z.ZodType | "bytes" | undefined;
  readonly answer: NodeAnswer;
  readonly generation: Generation;
  /** Codes beside those that any endpoint may answer with. */
  readonly errors: readonly ErrorCode[];
}

const nothing = z.object({});
type Nothing = typeof nothing;

interface Declaration {
  readonly id: string;
  readonly method: NodeMethod;
  readonly path: `/${string}`;
  readonly permission: string;
  readonly summary: string;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType | "bytes";
  readonly answer: NodeAnswer;
  readonly generation: Generation;
  readonly errors?: readonly ErrorCode[];
}

/** The declaration with what was left out filled in, in values and in types. */
export type DefinedNodeEndpoint<D extends Declaration> = Omit<D, "params" | "query" | "body" | "errors"> & {
  readonly params: D["params"] extends z.ZodObject ? D["params"] : Nothing;
  readonly query: D["query"] extends z.ZodObject ? D["query"] : Nothing;
  readonly body: D["body"] extends z.ZodType | "bytes" ? D["body"] : undefined;
  readonly errors: readonly ErrorCode[];
};

export function defineNodeEndpoint<const D extends Declaration>(declaration: D): DefinedNodeEndpoint<D> {
  const filled: NodeEndpoint = {
    ...declaration,
    params: declaration.params ?? nothing,
    query: declaration.query ?? nothing,
    body: declaration.body,
    errors: declaration.errors ?? [],
  };
  // The conditional types above say for each declaration what the spread says for all of them.
  return filled as unknown as DefinedNodeEndpoint<D>;
}

export type NodeParams<E extends { readonly params: z.ZodObject }> = z.output<E["params"]>;
export type NodeQuery<E extends { readonly query: z.ZodObject }> = z.output<E["query"]>;
export type NodeBody<E extends { readonly body: unknown }> = E["body"] extends z.ZodType
  ? z.output<E["body"]>
  : undefined;
/** What a handler gives for JSON answers, before the schema fills in or drops anything. */
export type NodeReply<E extends { readonly answer: NodeAnswer }> = E["answer"] extends z.ZodType
  ? z.input<E["answer"]>
  : never;

/** Most answers stand under `data`. */
export const dataOf = <T extends z.ZodType>(data: T): z.ZodObject<{ data: T }> => z.object({ data });
/** `{data: {}}`: done, and nothing to tell. */
export const emptyData = dataOf(z.object({}));
