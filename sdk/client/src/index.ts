/**
 * A typed client for the control plane. Relies on `fetch` and web streams only, so it runs in browsers and in Node; time and
 * chance may be handed in.
 */
import type { Random } from "@shoal/shared/base/random.ts";
import { seconds } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { FeedEvent } from "@shoal/shared/wire/endpoints/events.ts";
import { ENDPOINTS, type Answer, type EndpointId, type QueryInput } from "@shoal/shared/wire/endpoints/index.ts";
import { LONGEST_WAIT_SECONDS, type Operation } from "@shoal/shared/wire/endpoints/operations.ts";
import { valueOf } from "./answer.ts";
import { followEvents } from "./events.ts";
import { readLog } from "./logs.ts";
import { waitForOperation, type WaitOptions } from "./operations.ts";
import { itemsOf } from "./pages.ts";
import { checkedBase, prepare, type PreparedRequest, type RawInput } from "./request.ts";
import { RETRY_LIMITS, send, type Wire } from "./send.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import type { CallArguments, CallInput, CallOptions, Fetch, ItemOf, PagedId } from "./types.ts";

export { ApiError } from "./answer.ts";
export type { CallInput, ItemOf, PagedId } from "./types.ts";

export interface ClientOptions {
  /** Where the control plane answers, without `/api/v1`. */
  readonly baseUrl: string;
  /** API key or session token; a function is asked before each call. Left out: only public endpoints answer. */
  readonly token?: string | (() => string);
  readonly fetch?: Fetch;
  /**
   * Check every answer against its schema. For development: the schemas are strict, so that a client that checks has to
   * be as new as the server.
   */
  readonly validateAnswers?: boolean;
  /** How often a call is tried at most; default 6. */
  readonly tries?: number;
  readonly clock?: Clock;
  readonly random?: Random;
}

export interface Client {
  readonly baseUrl: string;
  /**
   * Calls an endpoint. A POST gets an `Idempotency-Key`; what may succeed unchanged is repeated, for at most a minute.
   * Throws `ApiError` (code, field, status, requestId) for what was refused, `ShoalError` otherwise.
   */
  readonly call: <Id extends EndpointId>(id: Id, ...input: CallArguments<Id>) => Promise<Answer<Id>>;
  /** Every item of a list, over all of its pages. */
  readonly items: <Id extends PagedId>(id: Id, ...input: CallArguments<Id>) => AsyncGenerator<ItemOf<Id>>;
  /** The operation once it has ended, well or not; see `waitForOperation`. */
  readonly waitForOperation: (id: string, options?: WaitOptions) => Promise<Operation>;
  /** Events as they happen, through cuts and restarts; ends with the signal. */
  readonly events: (input?: { readonly query?: QueryInput<"events.list"> } & CallOptions) => AsyncGenerator<FeedEvent>;
  /** Log lines as they come; with `query.follow`, until the pod ends. */
  readonly logs: (input: CallInput<"processors.logs">) => AsyncGenerator<string>;
}

/** Throws `invalid_argument` for an address that is none. */
export function createClient(options: ClientOptions): Client {
  const baseUrl = checkedBase(options.baseUrl);
  const wire: Wire = {
    fetch: options.fetch ?? ((url, init) => fetch(url, init)),
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
    tries: options.tries ?? RETRY_LIMITS.tries,
  };
  const request = (id: EndpointId, input: RawInput): PreparedRequest => {
    const endpoint = ENDPOINTS[id];
    const token = typeof options.token === "function" ? options.token() : options.token;
    const idempotencyKey = endpoint.method === "POST" ? (input.idempotencyKey ?? makeKey(wire.random)) : undefined;
    return prepare(baseUrl, endpoint, input, { token, idempotencyKey });
  };
  const call = async (id: EndpointId, input: RawInput): Promise<unknown> => {
    const prepared = request(id, input);
    return send(wire, prepared, {
      signal: input.signal,
      attempt: input.query?.["wait"] === undefined ? RETRY_LIMITS.attempt : seconds(LONGEST_WAIT_SECONDS + 30),
      read: (response) => valueOf(response, prepared.endpoint, options.validateAnswers ?? false),
    });
  };
  const open = (prepared: PreparedRequest, signal: AbortSignal | undefined): Promise<Response> =>
    send(wire, prepared, { signal, attempt: undefined, read: (response) => Promise.resolve(response) });

  return {
    baseUrl,
    // The registry has just typed `input` by `id`, and the server's answer is as the registry declares it.
    call: async (id, ...[input]) => (await call(id, input ?? {})) as Answer<typeof id>,
    items: (id, ...[input]) =>
      itemsOf<typeof id>(async (cursor) => {
        const raw: RawInput = input ?? {};
        return (await call(id, cursor === undefined ? raw : { ...raw, query: { ...raw.query, cursor } })) as Answer<
          typeof id
        >;
      }),
    waitForOperation: (id, wait = {}) =>
      waitForOperation(
        async (operation, waitSeconds) =>
          (await call("operations.get", {
            params: { id: operation },
            query: { wait: `${waitSeconds}s` },
            signal: wait.signal,
          })) as Operation,
        wire.clock,
        id,
        wait,
      ),
    events: async function* (input = {}) {
      const { after, ...query } = input.query ?? {};
      const stream = (cursor: string | undefined): PreparedRequest =>
        asStream(request("events.list", { query: { ...query, after: cursor } }), cursor);
      // A connection that is cut before its first event has to go on from the same `now`.
      const now = async (): Promise<string> => {
        const first = { query: { ...query, after: "now", limit: 1 }, signal: input.signal };
        return ((await call("events.list", first)) as Answer<"events.list">).next_cursor;
      };
      yield* followEvents({
        wire,
        after: after === "now" ? await now() : after,
        signal: input.signal,
        open: (cursor, signal) => open(stream(cursor), signal),
      });
    },
    logs: async function* (input) {
      yield* readLog(await open(request("processors.logs", input), input.signal), input.signal);
    },
  };
}

function asStream(prepared: PreparedRequest, cursor: string | undefined): PreparedRequest {
  const resume = cursor === undefined ? {} : { "last-event-id": cursor };
  return { ...prepared, headers: { ...prepared.headers, accept: "text/event-stream", ...resume } };
}

function makeKey(random: Random): string {
  return Array.from(random.bytes(16), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
