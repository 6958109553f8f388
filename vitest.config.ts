import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/** Tests wait for conditions, never for time; the limits below only end a test that hangs. */
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["**/node_modules/**", "test/tidy/fixtures/**"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: "forks",
    // Tests wait more than they work, and none of them depends on being alone.
    maxWorkers: availableParallelism() + 1,
    // A busy machine may stall any process for longer than a limit; a fault fails twice. Nowhere else is anything tried again.
    retry: process.env["CI"] ? 1 : 0,
    globalSetup: ["test/support/global-setup.ts"],
    reporters: process.env["CI"] ? ["default"] : ["dot"],
  },
});
