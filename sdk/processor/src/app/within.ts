/** A promise with a deadline. What it waits for goes on; only the waiting ends. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { DurationMs } from "@shoal/shared/base/time.ts";

/** Throws `deadline_exceeded` that names `what` after `span`. */
export async function within<T>(span: DurationMs, what: string, work: () => T | Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new ShoalError("deadline_exceeded", `${what} took more than ${span / 1000} s`)),
      span,
    );
  });
  try {
    return await Promise.race([(async () => work())(), late]);
  } finally {
    clearTimeout(timer);
  }
}
