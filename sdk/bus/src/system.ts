/** The machine's clock and chance, for programs; chance is for pauses, never for secrets. */
import type { Random } from "@shoal/shared/base/random.ts";
import { timestamp } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";

export const systemClock: Clock = {
  now: () => timestamp(Date.now()),
  monotonic: () => performance.now(),
  sleep: (span, signal) =>
    new Promise((resolve, reject) => {
      const abort = (): void => {
        clearTimeout(timer);
        reject(signal?.reason instanceof Error ? signal.reason : new Error("aborted"));
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", abort);
        resolve();
      }, span);
      if (signal?.aborted === true) abort();
      else signal?.addEventListener("abort", abort, { once: true });
    }),
};

export const systemRandom: Random = {
  next: () => Math.random(),
  bytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
  child: () => systemRandom,
};
