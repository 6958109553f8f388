/**
 * A typed client for a node: its REST endpoints by id, calls of methods over JSON-RPC, blobs as streams, events as an endless
 * iteration. Relies on `fetch` and web streams only, so it runs in browsers and in Node.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { NODE_ENDPOINTS, type NodeEndpointId } from "@shoal/shared/wire/node/index.ts";
import { checkedBase, pathOf, searchOf } from "../request.ts";
import type { Fetch } from "../types.ts";
import { followNode, type NodeStreamEvent } from "./events.ts";
import { createSession, type NodeTokens } from "./session.ts";
import { rpcResult } from "./rpc.ts";
import type { NodeAnswerOf, NodeCallArguments } from "./types.ts";
import { request } from "./wire.ts";

export { RpcError } from "./rpc.ts";
export { NodeAuthError } from "./wire.ts";
export type { NodeStreamEvent } from "./events.ts";
export type { NodeTokens } from "./session.ts";

export interface NodeClientOptions {
  /** Where the node answers, with its path prefix where it has one. */
  readonly baseUrl: string;
  readonly tokens?: NodeTokens;
  readonly onTokens?: (tokens: NodeTokens) => void | Promise<void>;
  readonly fetch?: Fetch;
}

export interface ExecuteArguments {
  readonly contextId: string;
  readonly method: string;
  readonly argsJson?: unknown;
  readonly executorPublicKey?: string;
  readonly substitute?: readonly string[];
  readonly signal?: AbortSignal;
}

export interface NodeHttpClient {
  readonly baseUrl: string;
  login(username: string, password: string, clientName: string): Promise<NodeTokens>;
  /** Calls a REST endpoint; throws `ApiError` for what was refused, `ShoalError` otherwise. */
  call<Id extends NodeEndpointId>(id: Id, ...input: NodeCallArguments<Id>): Promise<NodeAnswerOf<Id>>;
  /** Runs a method; its output, or undefined where it returned nothing. Throws `RpcError` for what failed inside. */
  execute(input: ExecuteArguments): Promise<unknown>;
  /** Stores a blob; `content` is streamed. */
  upload(
    content: ReadableStream<Uint8Array> | Uint8Array,
    signal?: AbortSignal,
  ): Promise<{ blobId: string; size: number }>;
  download(blobId: string, signal?: AbortSignal): Promise<ReadableStream<Uint8Array>>;
  /** Events of contexts as they happen; a cut stream is opened again. Ends with the signal. */
  events(contextIds: readonly string[], signal?: AbortSignal): AsyncGenerator<NodeStreamEvent>;
}

export function createNodeClient(options: NodeClientOptions): NodeHttpClient {
  const base = checkedBase(options.baseUrl);
  const fetch: Fetch = options.fetch ?? ((url, init) => globalThis.fetch(url, init));
  const { tokens, onTokens } = options;
  const session = createSession({ fetch, base, tokens, onTokens, now: () => systemClock.now() });
  const json = async (method: string, target: string, body: unknown, signal?: AbortSignal): Promise<unknown> => {
    const response = await session.signedIn((token) =>
      request(fetch, base, {
        method,
        target,
        token,
        signal,
        ...(body === undefined ? {} : { body: JSON.stringify(body), contentType: "application/json" }),
      }),
    );
    return method === "HEAD" ? undefined : response.json();
  };

  return {
    baseUrl: base,
    login: (username, password, clientName) => session.login(username, password, clientName),
    async call(id, ...[input]) {
      const endpoint = NODE_ENDPOINTS.find((one) => one.id === id);
      if (endpoint === undefined) throw new ShoalError("internal", `no endpoint ${id}`);
      const { params, query, body, signal } = (input ?? {}) as Partial<Record<"params" | "query", object>> & {
        readonly body?: unknown;
        readonly signal?: AbortSignal;
      };
      const target = pathOf(endpoint.path, { ...params }) + searchOf({ ...query });
      return (await json(endpoint.method, target, body, signal)) as NodeAnswerOf<typeof id>;
    },
    async execute({ signal, ...params }) {
      const call = { jsonrpc: "2.0", id: 1, method: "execute", params: { argsJson: {}, ...params } };
      return rpcResult(await json("POST", "/jsonrpc", call, signal));
    },
    async upload(content, signal) {
      // A stream can be read once: it is not sent again, so tokens are renewed beforehand by a call that says nothing.
      if (!(content instanceof Uint8Array)) await json("GET", "/admin-api/is-authed", undefined, signal);
      const response = await session.signedIn((token) =>
        request(fetch, base, {
          method: "PUT",
          target: "/admin-api/blobs",
          token,
          signal,
          body: content,
          contentType: "application/octet-stream",
        }),
      );
      return ((await response.json()) as { readonly data: { blobId: string; size: number } }).data;
    },
    async download(blobId, signal) {
      const target = pathOf("/admin-api/blobs/{id}", { id: blobId });
      const response = await session.signedIn((token) =>
        request(fetch, base, { method: "GET", target, token, signal, accept: "*/*" }),
      );
      if (response.body === null) throw new ShoalError("internal", "the blob has no content");
      return response.body;
    },
    events: (contextIds, signal) => followNode({ fetch, base, session, contextIds, signal, clock: systemClock }),
  };
}
