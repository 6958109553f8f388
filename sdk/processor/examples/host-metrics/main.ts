/** Publishes readings of the machine that it runs on, every few seconds, with the place that its pod was given. */
import { milliseconds, Processor, runProcessor, ShoalError } from "@shoal/processor/index.ts";
import { cpuShare, cpuTimes, readMachine, type CpuTimes } from "./readings.ts";

const DEFAULT_INTERVAL_MS = 5_000;

class HostMetrics extends Processor {
  readonly #state = this.stateful(() => ({ readings: 0 }));
  #before: CpuTimes = cpuTimes();
  #intervalMs = DEFAULT_INTERVAL_MS;

  override startup(): void {
    const text = this.context.config()["INTERVAL_MS"];
    if (text === undefined) return;
    this.#intervalMs = Number(text);
    if (!(this.#intervalMs >= 100 && this.#intervalMs <= 3_600_000)) {
      throw new ShoalError("invalid_argument", "INTERVAL_MS has to be from 100 to 3600000", { field: "INTERVAL_MS" });
    }
  }

  override async run(): Promise<void> {
    for await (const _ of this.runLoop(milliseconds(this.#intervalMs))) {
      const now = cpuTimes();
      const payload = { ...(await readMachine()), cpu_share: cpuShare(this.#before, now) };
      this.#before = now;
      this.#state.readings++;
      await this.publish({ eventType: "reading", payload: { reading: this.#state.readings, ...payload } });
    }
  }
}

await runProcessor(HostMetrics);
