/** The machine's clock, by what browsers and Node have in common. Only the wiring of a program names it. */
import { timestamp } from "../src/base/time.ts";
import type { Clock } from "../src/ports/clock.ts";

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
