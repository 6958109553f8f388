/**
 * A typed client for a node: its REST endpoints by id, calls of methods over JSON-RPC, blobs as streams, events as an endless
 * iteration, keys by `auth` (`keys.ts`). Relies on `fetch` and web streams only, so it runs in browsers and in Node.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { NODE_ENDPOINTS } from "@shoal/shared/wire/node/index.ts";
import { checkedBase, pathOf, searchOf } from "../request.ts";
import type { Fetch } from "../types.ts";
import { createBlobs, type NodeBlobs } from "./blobs.ts";
import { followNode, type FollowOptions, type NodeStreamEvent } from "./events.ts";
import { createKeys, type NodeKeys } from "./keys.ts";
import { rpcResult } from "./rpc.ts";
import { createSession } from "./session.ts";
import { memoryTokens, type NodeTokens, type TokenStore } from "./tokens.ts";
import type { NodeAnswerOf, NodeCallArguments, NodeCallId } from "./types.ts";
import { jsonOf, request, textOf, type AskJson } from "./wire.ts";

export { RpcError } from "./rpc.ts";
export { NodeAuthError } from "./wire.ts";
export type { BlobContent } from "./blobs.ts";
export type { NodeStreamEvent } from "./events.ts";
export type { ClientKey, RootKey } from "./keys.ts";
export type { NodeTokens, TokenStore } from "./tokens.ts";

export interface NodeClientOptions {
  /** Where the node answers, with its path prefix where it has one. */
  readonly baseUrl: string;
  readonly tokens?: NodeTokens;
  /** Where the tokens are kept, if others use them too; else they are this client's alone. */
  readonly store?: TokenStore;
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

export interface ContextSyncStatus {
  readonly contextId: string;
  /** A context that was joined waits for its first state. */
  readonly isInitialized: boolean;
  readonly syncState: string;
  /** Sessions that failed since one that did not. */
  readonly failureCount: number;
  readonly lastError: string | null;
}

export interface NodeHttpClient extends NodeBlobs {
  readonly baseUrl: string;
  readonly keys: NodeKeys;
  login(username: string, password: string, clientName: string): Promise<NodeTokens>;
  /** Calls a REST endpoint; throws `ApiError` for what was refused, `ShoalError` otherwise. */
  call<Id extends NodeCallId>(id: Id, ...input: NodeCallArguments<Id>): Promise<NodeAnswerOf<Id>>;
  /** Runs a method; its output, or undefined where it returned nothing. Throws `RpcError` for what failed inside. */
  execute(input: ExecuteArguments): Promise<unknown>;
  /** How a context stands among its peers. Throws `RpcError` where the node does not have it. */
  syncStatus(contextId: string, signal?: AbortSignal): Promise<ContextSyncStatus>;
  /** Events of contexts and groups as they happen; a cut stream is opened again. Ends with the signal. */
  events(options: FollowOptions): AsyncGenerator<NodeStreamEvent>;
}

export function createNodeClient(options: NodeClientOptions): NodeHttpClient {
  const base = checkedBase(options.baseUrl);
  const fetch: Fetch = options.fetch ?? ((url, init) => globalThis.fetch(url, init));
  const { tokens, store = memoryTokens(tokens) } = options;
  const session = createSession({ fetch, base, tokens, store, now: () => systemClock.now() });
  const ask = (method: string, target: string, body?: unknown, signal?: AbortSignal): Promise<Response> =>
    session.signedIn((token) =>
      request(fetch, base, {
        method,
        target,
        token,
        signal,
        ...(body === undefined ? {} : { body: JSON.stringify(body), contentType: "application/json" }),
      }),
    );
  const json: AskJson = async (method, target, body, signal) => jsonOf(await ask(method, target, body, signal), signal);

  return {
    baseUrl: base,
    keys: createKeys(json),
    ...createBlobs({ fetch, base, session }),
    login: (username, password, clientName) => session.login(username, password, clientName),
    async call(id, ...[input]) {
      const endpoint = NODE_ENDPOINTS.find((one) => one.id === id);
      if (endpoint === undefined) throw new ShoalError("internal", `no endpoint ${id}`);
      const { params, query, body, signal } = (input ?? {}) as Partial<Record<"params" | "query", object>> & {
        readonly body?: unknown;
        readonly signal?: AbortSignal;
      };
      const target = pathOf(endpoint.path, { ...params }) + searchOf({ ...query });
      const response = await ask(endpoint.method, target, body, signal);
      const read = endpoint.answer === "text" ? textOf : jsonOf;
      return (await read(response, signal)) as NodeAnswerOf<typeof id>;
    },
    async execute({ signal, ...params }) {
      const call = { jsonrpc: "2.0", id: 1, method: "execute", params: { argsJson: {}, ...params } };
      const result = rpcResult(await json("POST", "/jsonrpc", call, signal)) as { readonly output?: unknown } | null;
      return result?.output ?? undefined;
    },
    async syncStatus(contextId, signal) {
      const call = { jsonrpc: "2.0", id: 1, method: "sync_status", params: { contextId } };
      return rpcResult(await json("POST", "/jsonrpc", call, signal)) as ContextSyncStatus;
    },
    events: (followed) => followNode({ ...followed, fetch, base, session, clock: systemClock }),
  };
}
