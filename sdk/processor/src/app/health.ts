/**
 * The processor's own idea of its health, asked at each interval. A failure that the processor says it can live with costs
 * it its caches (SOFT reset); any other fails the liveness probe until a later check succeeds.
 */
import { messageOf } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { toIso, type DurationMs, type Timestamp } from "@shoal/shared/base/time.ts";
import type { ResetLevel } from "../recovery/reset.ts";
import type { Processor } from "./processor.ts";
import { within } from "./within.ts";

export class Health {
  #problem: string | undefined;
  #checkedAt: string | null = null;

  get problem(): string | undefined {
    return this.#problem;
  }

  /** When the last check succeeded, RFC 3339. */
  get lastGood(): string | null {
    return this.#checkedAt;
  }

  async check(parts: {
    readonly processor: Processor;
    readonly limit: DurationMs;
    readonly now: () => Timestamp;
    readonly reset: (level: ResetLevel) => Promise<void>;
    readonly log: Log;
  }): Promise<void> {
    try {
      await within(parts.limit, "checkHealth", () => parts.processor.checkHealth());
      this.#problem = undefined;
      this.#checkedAt = toIso(parts.now());
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(messageOf(thrown));
      parts.log.warn({ error: error.message }, "the health check failed");
      const goOn = await parts.processor.onHealthCheckFailed(error);
      if (goOn) await parts.reset("SOFT");
      this.#problem = goOn ? undefined : error.message;
    }
  }
}
