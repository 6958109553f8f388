/** The system's clock and a seeded stream, for tests that run against real processes. */
export { systemClock } from "@shoal/shared/system/clock.ts";

/** Waits until `check` gives a value; fails with what it last saw. Never a fixed sleep: conditions, not luck. */
export async function eventually<T>(
  check: () => Promise<T | undefined> | T | undefined,
  what: string,
  withinMs = 20_000,
): Promise<T> {
  let last: unknown;
  for (const until = Date.now() + withinMs; Date.now() < until;) {
    try {
      const value = await check();
      if (value !== undefined) return value;
    } catch (thrown) {
      last = thrown;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`never happened: ${what}`, { cause: last });
}
