/**
 * Errors as the port promises them: `unavailable`, `rate_limited`, `permission_denied`, `invalid_argument`, `conflict`. What
 * the API or the network said is the cause. A missing object that somebody relied on is `unavailable`, since the next call
 * makes it; only a log may be `not_found`.
 */
import { ShoalError, type ErrorCode } from "@shoal/shared/base/errors.ts";
import { KubernetesError } from "../error.ts";

type Rule = { readonly when: (error: KubernetesError) => boolean; readonly then: ErrorCode };

/** First match wins; whatever is not named proves nothing, so that trying again is right. */
const RULES: readonly Rule[] = [
  // A namespace that is going takes nothing new, but will be made again once it has gone.
  { when: ({ details }) => (details.causes ?? []).some(isTerminating), then: "unavailable" },
  // Fresh credentials were tried already, so that a person has to mend them.
  { when: ({ code }) => code === "unauthenticated" || code === "permission_denied", then: "permission_denied" },
  { when: ({ code }) => code === "rate_limited", then: "rate_limited" },
  // 408 is the API's impatience, not the caller's mistake; 405 and 406 are a proxy's or another version's.
  { when: ({ status }) => [400, 413, 415, 422].includes(status), then: "invalid_argument" },
];

const isTerminating = ({ reason }: { readonly reason?: string }): boolean => reason === "NamespaceTerminating";

/** A 429 without Retry-After. */
const RETRY_AFTER_SECONDS = 1;

/** Runs one call of the port; `absent` is what a 404 means to its caller. */
export async function atBorder<T>(work: () => Promise<T>, absent: ErrorCode = "unavailable"): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw told(thrown, absent);
  }
}

/** The same for what is read after the call has returned: there, whatever is no refusal is a cut connection. */
export async function* linesAtBorder(lines: AsyncIterable<string>): AsyncGenerator<string> {
  try {
    yield* lines;
  } catch (thrown) {
    if (thrown instanceof ShoalError) throw told(thrown, "not_found");
    throw new ShoalError("unavailable", "the log was cut", { cause: thrown });
  }
}

function told(thrown: unknown, absent: ErrorCode): unknown {
  if (!(thrown instanceof KubernetesError)) return thrown;
  const code = thrown.code === "not_found" ? absent : (RULES.find(({ when }) => when(thrown))?.then ?? "unavailable");
  const after = thrown.retryAfterSeconds ?? (code === "rate_limited" ? RETRY_AFTER_SECONDS : undefined);
  return new ShoalError(code, thrown.message, {
    cause: thrown,
    ...(after === undefined ? {} : { retryAfterSeconds: after }),
  });
}
