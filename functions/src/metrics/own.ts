/**
 * What only this process knows: its own queries, and itself. prom-client's default set is left out, since its look at the
 * event loop wakes an idle process a hundred times a second.
 */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Timed } from "./facts.ts";

interface OwnMetrics {
  readonly timed: Timed;
  /** Counts a question that failed. */
  readonly failed: (thrown: unknown) => void;
}

/** Registers the metrics of this process. */
export function ownMetrics(registry: Registry, clock: Pick<Clock, "monotonic">): OwnMetrics {
  const registers = [registry];
  const durations = new Histogram({
    name: "dory_database_query_duration_seconds",
    help: "How long queries took, those of the process that answers alone.",
    labelNames: ["query_type"] as const,
    buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3],
    registers,
  });
  const errors = new Counter({
    name: "dory_database_errors_total",
    help: "Looks at the database that failed, those of the process that answers alone.",
    labelNames: ["error_type"] as const,
    registers,
  });
  for (const type of ["unavailable", "other"] as const) errors.inc({ error_type: type }, 0);
  const gauge = (name: string, help: string, read: () => number): void =>
    registry.registerMetric(
      new Gauge({
        name,
        help,
        registers: [],
        collect() {
          this.set(read());
        },
      }),
    );
  gauge("process_resident_memory_bytes", "Memory of the process that answers.", () => process.memoryUsage.rss());
  gauge("process_uptime_seconds", "How long the process that answers has run.", () => process.uptime());
  return {
    timed: async (query, ask) => {
      const began = clock.monotonic();
      try {
        return await ask();
      } finally {
        durations.observe({ query_type: query }, (clock.monotonic() - began) / 1000);
      }
    },
    failed: (thrown) => {
      const unavailable = thrown instanceof ShoalError && thrown.code === "unavailable";
      errors.inc({ error_type: unavailable ? "unavailable" : "other" });
    },
  };
}
