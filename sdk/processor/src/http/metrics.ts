/**
 * `/metrics`: the process, the processor, and whatever the processor's author registers with prom-client's own registry.
 * The library is loaded by the first scrape.
 */
import type * as PromModule from "prom-client";
import type { OutputReadings } from "../app/output.ts";

export interface Readings {
  readonly ready: boolean;
  readonly standby: boolean;
  readonly restarts: number;
  readonly events: number;
  readonly publishFailures: number;
  readonly stateBytes: number;
  readonly stateSequence: number;
  readonly lastSaveSeconds: number;
  readonly saveFailures: number;
  readonly epoch: number;
  readonly output: OutputReadings | undefined;
}

const GAUGES: readonly (readonly [name: string, help: string, read: (readings: Readings) => number])[] = [
  ["ready", "1 while the processor takes work", (now) => Number(now.ready)],
  ["standby", "1 after a later activation took over", (now) => Number(now.standby)],
  ["restarts", "restarts in rapid succession before this start", (now) => now.restarts],
  ["epoch", "number of this activation", (now) => now.epoch],
  ["events_published", "events accepted since the start", (now) => now.events],
  ["publish_failures", "events that could not be published since the start", (now) => now.publishFailures],
  ["state_size_bytes", "size of the state that was saved last", (now) => now.stateBytes],
  ["state_sequence", "captures of the state, over all activations", (now) => now.stateSequence],
  [
    "state_last_save_seconds",
    "time of the last save, seconds since the epoch; 0 for none",
    (now) => now.lastSaveSeconds,
  ],
  ["output_unconfirmed", "events accepted and not yet confirmed by the bus", (now) => now.output?.unconfirmed ?? 0],
  ["output_confirmed", "events confirmed by the bus", (now) => now.output?.confirmed ?? 0],
  ["output_returned", "events confirmed that no queue wanted", (now) => now.output?.returned ?? 0],
  ["output_refused", "times that the bus refused events", (now) => now.output?.refused ?? 0],
  ["output_resent", "events sent again under the same id", (now) => now.output?.resent ?? 0],
  ["output_reconnects", "connections to the bus that were lost", (now) => now.output?.reconnects ?? 0],
  ["state_save_failures", "saves that failed since the start", (now) => now.saveFailures],
];

type PromClient = typeof PromModule;

/** Returns the text of a scrape and its content type. */
export function metricsPage(read: () => Readings): () => Promise<{ text: string; contentType: string }> {
  let loaded: Promise<PromClient> | undefined;
  return async () => {
    loaded ??= import("prom-client").then((prom) => {
      prom.collectDefaultMetrics();
      for (const [name, help, value] of GAUGES) {
        const collect = function (this: { set(reading: number): void }): void {
          this.set(value(read()));
        };
        prom.register.registerMetric(new prom.Gauge({ name: `shoal_processor_${name}`, help, collect, registers: [] }));
      }
      return prom;
    });
    const { register } = await loaded;
    return { text: await register.metrics(), contentType: register.contentType };
  };
}
