/**
 * JSON-RPC 2.0 over POST. What was understood is answered with 200, errors of the call included; text that is no JSON is 400
 * in the same shape. Who may not call, or has to wait, is told by status as in REST. A batch is refused.
 */
import type { IncomingMessage } from "node:http";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { rpcRequestSchema, type RpcRequest } from "@shoal/shared/wire/node/rpc.ts";
import type { Authorize } from "../authorize.ts";
import { readBody, requireJson, textOf, type BodyLimits } from "../body.ts";
import { firstIssue } from "../parse.ts";
import type { Calls } from "./calls.ts";
import { rpcErrorOf, RpcParseError } from "./failure.ts";
import { parseExactly } from "./json-text.ts";

/** Gives an answer to any request; rejects with what is the transport's to tell. */
export type RpcOverHttp = (request: Request, incoming: IncomingMessage, requestId: string) => Promise<Response>;

export function createRpcOverHttp(init: {
  readonly calls: Calls;
  readonly authorize: Authorize;
  readonly limits: BodyLimits;
  readonly log: Log;
}): RpcOverHttp {
  const { calls, authorize, limits, log } = init;
  return async (request, incoming, requestId) => {
    requireJson(incoming);
    // A body of megabytes is read for those only who may call at all.
    if (authorize.guarded) await authorize(request, undefined);
    const body = await readBody(incoming, limits);
    let id = "null";
    try {
      const message = messageOf(body);
      id = idOf(message);
      return answer(200, `{"jsonrpc":"2.0","id":${id},"result":${await dispatch(calls, request, requestOf(message))}}`);
    } catch (thrown) {
      const error = notFound(thrown) ? { type: "ContextNotFound" } : rpcErrorOf(thrown);
      if (error === undefined) throw thrown;
      if (error.type === "InternalError") log.error({ requestId, err: thrown }, "a call failed");
      const status = thrown instanceof RpcParseError && thrown.cause instanceof SyntaxError ? 400 : 200;
      return answer(status, `{"jsonrpc":"2.0","id":${id},"error":${JSON.stringify(error)}}`);
    }
  };
}

const HEADERS = { "content-type": "application/json", "cache-control": "no-store" };

function answer(status: number, body: string): Response {
  return new Response(body, { status, headers: HEADERS });
}

function notFound(thrown: unknown): boolean {
  return thrown instanceof ShoalError && thrown.code === "not_found";
}

function dispatch(calls: Calls, request: Request, message: RpcRequest): Promise<string> {
  switch (message.method) {
    case "execute":
      return calls.execute(request, message.params);
    case "sync_status":
      return calls.syncStatus(request, message.params);
    case "set_ephemeral":
      return calls.setEphemeral(request, message.params);
  }
}

function messageOf(body: Buffer): Readonly<Record<string, unknown>> {
  let message: unknown;
  try {
    message = parseExactly(textOf(body));
  } catch (thrown) {
    throw new RpcParseError("the request is not JSON", { cause: new SyntaxError("JSON", { cause: thrown }) });
  }
  if (Array.isArray(message)) throw new RpcParseError("batches are not taken: send one request at a time");
  if (typeof message !== "object" || message === null) throw new RpcParseError("expected a request object");
  return message as Readonly<Record<string, unknown>>;
}

/** JSON text of the request's id; throws where it is none. */
function idOf({ id }: Readonly<Record<string, unknown>>): string {
  if (id === undefined || id === null) return "null";
  if (typeof id === "string" && id.length <= MAX_ID) return JSON.stringify(id);
  if (typeof id === "number" || isRaw(id)) return JSON.stringify(id);
  throw new RpcParseError(`id: expected a number, null or a string of at most ${MAX_ID} characters`);
}

const MAX_ID = 256;

/** A number of many digits, kept as its text. */
const isRaw = (value: unknown): boolean => (JSON as unknown as { isRawJSON(value: unknown): boolean }).isRawJSON(value);

function requestOf(message: Readonly<Record<string, unknown>>): RpcRequest {
  if (message["jsonrpc"] !== "2.0") throw new RpcParseError(`jsonrpc: expected "2.0"`);
  const parsed = rpcRequestSchema.safeParse(message);
  if (parsed.success) return parsed.data;
  const { field, message: why } = firstIssue(parsed.error);
  throw new RpcParseError(field === undefined ? why : `${field}: ${why}`);
}
