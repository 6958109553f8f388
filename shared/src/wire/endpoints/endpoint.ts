/**
 * An endpoint as data, declared once. The server's router, the OpenAPI document, the client, the CLI and the tests that go
 * over "every endpoint" all read it, so that none of them can know of a route that the others do not.
 */
import { z } from "zod";
import type { ErrorCode } from "../../base/errors.ts";
import type { Scope } from "../../model/account.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** `public` needs no credential; `authenticated` any valid one, whatever its scopes. */
export type Access = Scope | "public" | "authenticated";

/** What an answer carries: a JSON body, nothing, plain text that may be streamed, or JSON that may be server-sent events. */
export type AnswerKind = z.ZodType | "empty" | "text";

export interface Endpoint {
  readonly id: string;
  readonly method: Method;
  /** Path with `{name}` for each parameter. */
  readonly path: `/api/v1/${string}`;
  readonly scope: Access;
  readonly summary: string;
  readonly params: z.ZodObject;
  readonly query: z.ZodObject;
  readonly body: z.ZodType | undefined;
  readonly responses: Readonly<Record<number, AnswerKind>>;
  /** Codes beside those that any endpoint may answer with (`COMMON_ERRORS`). */
  readonly errors: readonly ErrorCode[];
  /** Repeating the call is harmless by itself; a POST is made so by `Idempotency-Key`. */
  readonly idempotent: boolean;
  /** Has to carry `If-Match` with the resource's ETag. */
  readonly conditional: boolean;
  /** Answers server-sent events where `Accept` asks for `text/event-stream`. */
  readonly streams: boolean;
  /** The answer carries a credential: it is never kept in readable form. */
  readonly confidential: boolean;
}

/** Codes that every endpoint may answer with. */
export const COMMON_ERRORS: readonly ErrorCode[] = ["invalid_argument", "rate_limited", "internal", "unavailable"];

const nothing = z.strictObject({});
type Nothing = typeof nothing;

interface Declaration {
  readonly id: string;
  readonly method: Method;
  readonly path: `/api/v1/${string}`;
  readonly scope: Access;
  readonly summary: string;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  readonly responses: Readonly<Record<number, AnswerKind>>;
  readonly errors?: readonly ErrorCode[];
  readonly conditional?: boolean;
  readonly streams?: boolean;
  readonly confidential?: boolean;
}

/** The declaration with what was left out filled in, in values and in types. */
export type Defined<D extends Declaration> = Omit<Endpoint, keyof Declaration | "params" | "query" | "body"> &
  Omit<D, "params" | "query" | "body" | "errors" | "conditional" | "streams" | "confidential"> & {
    readonly params: D["params"] extends z.ZodObject ? D["params"] : Nothing;
    readonly query: D["query"] extends z.ZodObject ? D["query"] : Nothing;
    readonly body: D["body"] extends z.ZodType ? D["body"] : undefined;
    readonly errors: readonly ErrorCode[];
    readonly conditional: boolean;
    readonly streams: boolean;
    readonly confidential: boolean;
  };

export function defineEndpoint<const D extends Declaration>(declaration: D): Defined<D> {
  const filled: Endpoint = {
    ...declaration,
    params: declaration.params ?? nothing,
    query: declaration.query ?? nothing,
    body: declaration.body,
    errors: declaration.errors ?? [],
    idempotent: declaration.method !== "POST",
    conditional: declaration.conditional ?? false,
    streams: declaration.streams ?? false,
    confidential: declaration.confidential ?? false,
  };
  // The conditional types above say for each declaration what the spread says for all of them.
  return filled as unknown as Defined<D>;
}

type AnswerBody<A> = A extends z.ZodType ? z.output<A> : A extends "text" ? string : undefined;

export type ParamsOf<E extends { readonly params: z.ZodObject }> = z.output<E["params"]>;
export type QueryOf<E extends { readonly query: z.ZodObject }> = z.output<E["query"]>;
export type BodyOf<E extends { readonly body: z.ZodType | undefined }> = E["body"] extends z.ZodType
  ? z.output<E["body"]>
  : undefined;
/** The same as a caller may write them: what has a default may be left out. */
export type QueryInputOf<E extends { readonly query: z.ZodObject }> = z.input<E["query"]>;
export type BodyInputOf<E extends { readonly body: z.ZodType | undefined }> = E["body"] extends z.ZodType
  ? z.input<E["body"]>
  : undefined;
/** What a call may answer with, over all of its success codes. */
export type AnswerOf<E extends { readonly responses: Readonly<Record<number, AnswerKind>> }> = {
  [Status in keyof E["responses"]]: AnswerBody<E["responses"][Status]>;
}[keyof E["responses"]];
