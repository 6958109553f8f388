/** What the node tells of itself beside its server: contexts, and what the collector and sync did. */
import { Gauge, type Registry } from "prom-client";
import type { ContextClient } from "./clients/context-client.ts";
import type { Collector } from "./gc/collector.ts";
import type { SyncCounters } from "./sync/counters.ts";
import { SWEEPS } from "./gc/sweeps.ts";

export interface MetricSources {
  readonly collector: Pick<Collector, "totals">;
  readonly contexts: Pick<ContextClient, "listContexts">;
  readonly sync: Pick<SyncCounters, "read">;
}

/** Registers gauges that are read when somebody scrapes. */
export function nodeMetrics(registry: Registry, { collector, contexts, sync }: MetricSources): void {
  registry.registerMetric(
    new Gauge({
      name: "shoal_node_contexts",
      help: "Contexts of this node",
      registers: [],
      async collect() {
        this.set((await contexts.listContexts()).length);
      },
    }),
  );
  registry.registerMetric(
    new Gauge({
      name: "shoal_sync_total",
      help: "What this node did to be level with its peers, since the start",
      labelNames: ["what"],
      registers: [],
      collect() {
        for (const [what, count] of Object.entries(sync.read())) this.set({ what }, count);
      },
    }),
  );
  for (const unit of ["rows", "bytes"] as const) {
    registry.registerMetric(
      new Gauge({
        name: `shoal_gc_${unit}_total`,
        help: `What the collector removed since the start, in ${unit}`,
        labelNames: ["sweep"],
        registers: [],
        collect() {
          for (const sweep of SWEEPS) this.set({ sweep }, collector.totals[sweep][unit]);
        },
      }),
    );
  }
}
