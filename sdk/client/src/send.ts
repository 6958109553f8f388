/**
 * One call: tries until there is an answer that stands, the tries are used up, or the deadline would pass. Repeating is safe
 * because a POST carries an `Idempotency-Key` and every other method is repeatable by itself.
 */
import { backoffDelay, type Backoff } from "@shoal/shared/base/backoff.ts";
import { messageOf, ShoalError, type ErrorCode } from "@shoal/shared/base/errors.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import { milliseconds, seconds, type DurationMs } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { ApiError, errorOf } from "./answer.ts";
import type { PreparedRequest } from "./request.ts";
import type { Fetch } from "./types.ts";

export interface Wire {
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly random: Random;
  readonly tries: number;
}

export const RETRY_LIMITS = { tries: 6, attempt: seconds(30), deadline: seconds(60) } as const;
export const BACKOFF: Backoff = { base: milliseconds(250), factor: 2, cap: seconds(8) };

/** What may succeed unchanged. `idempotency_key_in_use`: our own earlier try has not ended yet. */
const RETRIED: ReadonlySet<ErrorCode> = new Set(["rate_limited", "unavailable", "idempotency_key_in_use"]);

export interface SendOptions<T> {
  readonly signal: AbortSignal | undefined;
  /** How long a single try may take until its answer is read; undefined for streams. */
  readonly attempt: DurationMs | undefined;
  /** Reads the answer, inside of the try: a body that is cut off counts as no answer. */
  readonly read: (response: Response) => Promise<T>;
}

/** Throws `ApiError` for what was refused, `unavailable` where nothing answered, `cancelled` after the signal. */
export async function send<T>(wire: Wire, request: PreparedRequest, options: SendOptions<T>): Promise<T> {
  const startedAt = wire.clock.monotonic();
  for (let tries = 1; ; tries++) {
    const outcome = await attempt(wire, request, options);
    if ("value" in outcome) return outcome.value;
    const { error } = outcome;
    const pause = Math.max(backoffDelay(BACKOFF, tries, wire.random), (error.retryAfterSeconds ?? 0) * 1000);
    const elapsed = wire.clock.monotonic() - startedAt;
    if (!mayRepeat(request, error) || tries >= wire.tries || elapsed + pause > RETRY_LIMITS.deadline) throw error;
    await wire.clock.sleep(milliseconds(pause), options.signal).catch(() => {
      throw cancelled();
    });
  }
}

/** After a lost answer, a repeated conditional change would be refused because the first one succeeded. */
function mayRepeat(request: PreparedRequest, error: ShoalError): boolean {
  return RETRIED.has(error.code) && (error instanceof ApiError || !request.endpoint.conditional);
}

async function attempt<T>(
  wire: Wire,
  request: PreparedRequest,
  options: SendOptions<T>,
): Promise<{ readonly value: T } | { readonly error: ShoalError }> {
  const { signal } = options;
  const limits = [signal, options.attempt === undefined ? undefined : AbortSignal.timeout(options.attempt)];
  const { method, headers, body } = request;
  try {
    const response = await wire.fetch(request.url, {
      method,
      headers,
      signal: AbortSignal.any(limits.filter((limit) => limit !== undefined)),
      ...(body === undefined ? {} : { body }),
    });
    return response.ok ? { value: await options.read(response) } : { error: await errorOf(response) };
  } catch (thrown) {
    if (signal?.aborted === true) throw cancelled();
    if (thrown instanceof ShoalError) throw thrown;
    return { error: unanswered(request.url, thrown) };
  }
}

function cancelled(): ShoalError {
  return new ShoalError("cancelled", "the call was cancelled by its caller");
}

/** `fetch` hides what happened in a chain of causes; the innermost says it. */
function unanswered(url: string, thrown: unknown): ShoalError {
  let cause = thrown;
  for (let depth = 0; depth < 4 && cause instanceof Error && cause.cause !== undefined; depth++) cause = cause.cause;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : messageOf(cause);
  return new ShoalError("unavailable", `no answer from ${new URL(url).origin}: ${code}`, { cause: thrown });
}
