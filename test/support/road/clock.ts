/** The system's clock for tests that have nothing to wait for: whoever sleeps finds that what was put off is due. */
import type { Pool } from "pg";
import { milliseconds } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { systemClock } from "../clock.ts";

/** Long waits (a damped crash loop, a watchdog) are not hurried: only what is due within `hurryMs`. */
export const hurriedClock = (sql: Pool, hurryMs = 5000): Clock => ({
  ...systemClock,
  sleep: async (span, signal) => {
    await systemClock.sleep(milliseconds(Math.min(span, 5)), signal);
    await sql.query(
      "update tasks set run_at = now() where lease_until is null and run_at between now() and now() + $1 * interval '1 ms'",
      [hurryMs],
    );
  },
});
