/** The machine's clock and chance by what browsers and Node have in common. */
import type { Random } from "@shoal/shared/base/random.ts";
import { timestamp } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";

export const webClock: Clock = {
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

export const webRandom: Random = {
  next: () => (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32,
  bytes: (n) => crypto.getRandomValues(new Uint8Array(n)),
  child: () => webRandom,
};
