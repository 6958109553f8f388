/**
 * A small raw client for the Kubernetes API: JSON in, JSON out, over two shared undici Agents. Every call has a deadline.
 * GETs are repeated on 429, 5xx and lost connections with jittered backoff, never sooner than Retry-After says; a write is
 * sent once, since only its caller knows whether it may be repeated (by name, by resourceVersion). Relies on
 * `credentials.ts` for the endpoint and on `error.ts` for what a failure means.
 */
import { request as send, type Dispatcher } from "undici";
import { backoffDelay, type Backoff } from "@shoal/shared/base/backoff.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import { milliseconds, seconds, type DurationMs } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { endpointOf, type Endpoint, type KubeConfig } from "./credentials.ts";
import { KubernetesError, refused, unreachable } from "./error.ts";

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** The API's default for a PATCH is json-patch even for an object, which it then refuses: always name the kind. */
export const PATCH = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml",
} as const;

export interface RequestOptions {
  readonly query?: Query;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  readonly signal?: AbortSignal;
  /** For the whole call, repeats included. Default 10 s. */
  readonly deadline?: DurationMs;
}

export interface StreamOptions {
  readonly query?: Query;
  readonly accept?: string;
  readonly signal: AbortSignal;
  /** How long the answer may take to begin. Left out: as long as `signal` allows (a silent container's log). */
  readonly opensWithin?: DurationMs;
}

export interface KubernetesClient {
  /** Parsed JSON of a 2xx answer (text where it is not JSON); throws `KubernetesError`. */
  request<T>(method: Method, path: string, options?: RequestOptions): Promise<T>;
  /** A GET whose body is read as it comes; lives until `signal` or either side ends it. Throws `KubernetesError`. */
  stream(path: string, options: StreamOptions): Promise<AsyncIterable<Uint8Array>>;
  readonly clock: Clock;
  readonly random: Random;
  close(): Promise<void>;
}

export interface ClientInit {
  readonly config: KubeConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly deadline?: DurationMs;
  readonly userAgent?: string;
}

const DEFAULT_DEADLINE = seconds(10);
const REPEAT: Backoff = { base: milliseconds(100), factor: 2, cap: seconds(2) };
const REPEATS = 4;

export function kubernetesClient(init: ClientInit): KubernetesClient {
  let opening: Promise<Endpoint> | undefined;
  const endpoint = async (): Promise<Endpoint> => {
    // A token that could not be had once may be had the next time: only success is kept.
    opening ??= endpointOf(init.config, () => init.clock.monotonic()).catch((thrown: unknown) => {
      opening = undefined;
      throw thrown;
    });
    return opening;
  };
  const userAgent = init.userAgent ?? "shoal";

  return {
    clock: init.clock,
    random: init.random,
    request: async <T>(method: Method, path: string, options: RequestOptions = {}): Promise<T> => {
      const limit = deadlineSignal(options.deadline ?? init.deadline ?? DEFAULT_DEADLINE, options.signal);
      try {
        const call = { method, path, options, userAgent, signal: limit.signal };
        return (await repeated(init, method === "GET", limit.signal, async () => once(await endpoint(), call))) as T;
      } catch (thrown) {
        throw limit.explain(thrown, `${method} ${path}`);
      } finally {
        limit.clear();
      }
    },
    stream: async (path, options) => {
      const at = await endpoint();
      const response = await open(at, at.streams, {
        method: "GET",
        path,
        options,
        userAgent,
        signal: options.signal,
        opensWithin: options.opensWithin ?? milliseconds(0),
      });
      if (response.statusCode >= 300) throw await refusal(at, response);
      return response.body;
    },
    close: async () => {
      if (opening !== undefined) await (await opening).close();
    },
  };
}

interface Call {
  readonly method: Method;
  readonly path: string;
  readonly options: RequestOptions;
  readonly userAgent: string;
  readonly signal: AbortSignal;
  readonly opensWithin?: DurationMs;
}

async function open(at: Endpoint, agent: Dispatcher, call: Call): Promise<Dispatcher.ResponseData> {
  const { body, contentType, accept, query } = call.options;
  const headers: Record<string, string> = {
    ...(await at.headers()),
    "user-agent": call.userAgent,
    accept: accept ?? "application/json",
  };
  if (body !== undefined) headers["content-type"] = contentType ?? "application/json";
  try {
    return await send(`${at.server}${call.path}${queryString(query)}`, {
      method: call.method,
      dispatcher: agent,
      headers,
      signal: call.signal,
      ...(call.opensWithin === undefined ? {} : { headersTimeout: call.opensWithin }),
      body: body === undefined ? null : JSON.stringify(body),
    });
  } catch (thrown) {
    throw unreachable(thrown);
  }
}

async function once(at: Endpoint, call: Call): Promise<unknown> {
  const response = await open(at, at.requests, call);
  if (response.statusCode >= 300) throw await refusal(at, response);
  const text = await bodyText(response);
  if (text === "") return undefined;
  const type = response.headers["content-type"];
  if (typeof type === "string" && !type.includes("json")) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch (thrown) {
    // A body that does not parse was cut or mangled on its way: the same as no answer.
    throw unreachable(thrown);
  }
}

async function refusal(at: Endpoint, response: Dispatcher.ResponseData): Promise<KubernetesError> {
  if (response.statusCode === 401) at.forgetHeaders();
  const header = response.headers["retry-after"];
  return refused(response.statusCode, await bodyText(response), typeof header === "string" ? header : undefined);
}

async function bodyText(response: Dispatcher.ResponseData): Promise<string> {
  try {
    return await response.body.text();
  } catch (thrown) {
    throw unreachable(thrown);
  }
}

async function repeated<T>(
  init: ClientInit,
  mayRepeat: boolean,
  signal: AbortSignal,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let n = 1; ; n++) {
    try {
      return await attempt();
    } catch (thrown) {
      if (signal.aborted || n > REPEATS || !mayTryAgain(thrown, mayRepeat, n)) throw thrown;
      const asked = thrown instanceof KubernetesError ? (thrown.retryAfterSeconds ?? 0) * 1000 : 0;
      const wait = milliseconds(Math.max(asked, backoffDelay(REPEAT, n, init.random)));
      // Where the wait cannot end within the deadline, the refusal says more than a time-out would.
      await init.clock.sleep(wait, signal).catch(() => {
        throw thrown;
      });
    }
  }
}

function mayTryAgain(thrown: unknown, idempotent: boolean, attempt: number): boolean {
  if (!(thrown instanceof KubernetesError)) return false;
  // A token may expire between two refreshes; nothing was done, so even a write may go again, with a new token.
  if (thrown.status === 401) return attempt === 1;
  return idempotent && (thrown.status === 0 || thrown.status === 429 || thrown.status >= 500);
}

interface Deadline {
  readonly signal: AbortSignal;
  /** Tells a time-out and a cancelled call from a fault of the network. */
  explain(thrown: unknown, what: string): unknown;
  clear(): void;
}

function deadlineSignal(span: DurationMs, outer: AbortSignal | undefined): Deadline {
  const controller = new AbortController();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    controller.abort(new Error("deadline"));
  }, span);
  const abort = (): void => controller.abort(outer?.reason);
  if (outer?.aborted === true) abort();
  else outer?.addEventListener("abort", abort, { once: true });
  return {
    signal: controller.signal,
    explain: (thrown, what) => {
      const answered = thrown instanceof KubernetesError && thrown.status !== 0;
      if (answered || !controller.signal.aborted) return thrown;
      return new KubernetesError({
        status: 0,
        reason: late ? "Timeout" : "Cancelled",
        message: late ? `no answer within ${span} ms: ${what}` : `cancelled: ${what}`,
        cause: thrown,
      });
    },
    clear: () => {
      clearTimeout(timer);
      outer?.removeEventListener("abort", abort);
    },
  };
}

/** `?a=1&b=x&b=y`, or nothing; undefined values are left out. */
export function queryString(query: Query | undefined): string {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value === undefined) continue;
    if (Array.isArray(value)) for (const one of value as readonly string[]) parts.append(name, one);
    else parts.append(name, String(value));
  }
  const text = parts.toString();
  return text === "" ? "" : `?${text}`;
}
