/**
 * The process of a processor: reads its environment, serves, starts, works and stops. Signals: SIGTERM and SIGINT stop it,
 * SIGUSR1 saves the state now. Exit codes: 0 stopped with everything kept, 1 failed, 2 the environment is not usable.
 */
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import { milliseconds, type DurationMs } from "@shoal/shared/base/time.ts";
import { parseProcessorConfig, type ProcessorConfig } from "../config/config.ts";
import { serve } from "../http/server.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { faceOf } from "./face.ts";
import { createLog } from "./log.ts";
import { assemble, type Parts } from "./parts.ts";
import type { ProcessorClass } from "./processor.ts";
import { start } from "./start.ts";
import { stop } from "./stop.ts";

/** Runs until the process ends; never returns. */
export async function runProcessor(processorClass: ProcessorClass): Promise<never> {
  let config: ProcessorConfig;
  try {
    config = parseProcessorConfig(process.env);
  } catch (thrown) {
    process.stderr.write(`${messageOf(thrown)}\n`);
    process.exit(2);
  }
  const { processorId, podName, epoch } = config.identity;
  const log = createLog(config.log, { processor_id: processorId, pod_name: podName, epoch });
  try {
    const parts = await assemble(processorClass, config, process.env, systemClock, log);
    process.exit(await new Run(parts).toItsEnd());
  } catch (thrown) {
    log.error(describe(thrown), "the processor could not be made");
    process.exit(1);
  }
}

class Run {
  readonly #parts: Parts;
  readonly #log: Log;
  #running: Promise<void> | undefined;
  #stopping: Promise<boolean> | undefined;
  /** Resolves when nobody needs the process any more. */
  readonly #leave = Promise.withResolvers<void>();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#log = parts.log;
  }

  /** Returns the exit code. */
  async toItsEnd(): Promise<number> {
    const { config, life, output } = this.#parts;
    const server = await serve(
      config.http,
      faceOf(this.#parts, () => this.#prestop()),
      this.#log,
    );
    this.#log.info({ host: config.http.host, port: server.port }, "listening");
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => this.#onSignal(signal));
    process.on("SIGUSR1", () => void this.#save());
    const failed = await this.#work().then(
      () => false,
      (thrown: unknown) => {
        this.#log.error(describe(thrown), "the processor failed");
        return life.move("FAILED");
      },
    );
    if (failed) {
      // What it has published counts; its state may be the reason of the failure, so the one before is kept.
      await output.drain(milliseconds(config.limits.shutdown / 2)).catch(() => 0);
    } else {
      this.#stopping ??= this.#stop();
      await Promise.all([this.#stopping, this.#leave.promise]);
    }
    const kept = failed ? false : await this.#stopping;
    await Promise.race([Promise.all([server.close(), output.close()]), this.#delay(milliseconds(1000))]).catch(() => 0);
    life.move(kept === true ? "STOPPED" : "FAILED");
    this.#log.info({ state: life.state }, "the end");
    return kept === true ? 0 : 1;
  }

  /** Until `run` returns or the processor has to stop. Throws what fails it. */
  async #work(): Promise<void> {
    const { config, health, intake, processor, desk, shutdown, clock, fence } = this.#parts;
    const stopped = new Promise<void>((resolve) => {
      shutdown.signal.addEventListener("abort", () => resolve(), { once: true });
    });
    if (!(await start(this.#parts))) return stopped;
    const checks = {
      processor,
      limit: config.limits.healthInterval,
      now: () => clock.now(),
      reset: (level: "SOFT" | "MODERATE" | "FULL" | "FACTORY") => desk.reset(level),
      log: this.#log,
    };
    await health.check(checks);
    fence.lost.addEventListener("abort", () => void intake.close(), { once: true });
    intake.open();
    this.#log.info({}, "ready");
    this.#every(config.limits.saveInterval, () => this.#save());
    this.#every(config.limits.healthInterval, () => health.check(checks));
    this.#running = processor.run();
    await Promise.race([this.#running, stopped]).catch((thrown: unknown) => {
      if (fence.role === "PRIMARY") throw thrown;
      this.#log.warn(describe(thrown), "run ended as that of a standby");
    });
    // A standby stays until it is stopped: restarted, it would only find the same.
    if (fence.role === "STANDBY") return stopped;
    // It ended by itself: nobody has to be waited for.
    if (!shutdown.signal.aborted) this.#leave.resolve();
  }

  async #stop(): Promise<boolean> {
    const { config } = this.#parts;
    const limit = config.limits.shutdown;
    const deadline = setTimeout(() => {
      this.#log.error({}, `the stop took more than ${limit / 1000} s`);
      process.exit(1);
    }, limit + 1000);
    const kept = await stop(this.#parts, this.#running);
    clearTimeout(deadline);
    return kept;
  }

  #onSignal(signal: string): void {
    this.#log.info({ signal }, "told to stop");
    this.#leave.resolve();
    this.#stopping ??= this.#stop();
  }

  /** The kubelet asks for this before it signals; whoever asks by mistake loses the pod no later than a time-out after. */
  #prestop(): Promise<boolean> {
    this.#stopping ??= this.#stop();
    void this.#delay(this.#parts.config.limits.shutdown).then(() => this.#leave.resolve());
    return this.#stopping;
  }

  async #save(): Promise<void> {
    try {
      await this.#parts.desk.save();
    } catch (thrown) {
      this.#parts.counters.saveFailures++;
      this.#log.error(describe(thrown), "the state could not be saved");
    }
  }

  /** One after the other, never two at once; ends with the shutdown. */
  #every(interval: DurationMs, work: () => Promise<void>): void {
    const { clock, shutdown } = this.#parts;
    void (async () => {
      while (!shutdown.signal.aborted) {
        await clock.sleep(interval, shutdown.signal).catch(() => undefined);
        if (!shutdown.signal.aborted)
          await work().catch((thrown) => this.#log.error(describe(thrown), "a check failed"));
      }
    })();
  }

  #delay(span: DurationMs): Promise<void> {
    return this.#parts.clock.sleep(span);
  }
}

function describe(thrown: unknown): object {
  return {
    error: messageOf(thrown),
    ...(thrown instanceof ShoalError ? { code: thrown.code } : {}),
    ...(thrown instanceof Error ? { stack: thrown.stack } : {}),
  };
}
