/** Everything that a processor's run consists of, made once and in order of dependence; the phases are handed this. */
import type { Log } from "@shoal/shared/base/log.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { ProcessorConfig } from "../config/config.ts";
import { chooseBackend } from "../state/choose.ts";
import { StateDesk } from "../state/desk.ts";
import { StateKeeper } from "../state/keeper.ts";
import { ownSettings, type ProcessorContext } from "./context.ts";
import { Fence } from "./fence.ts";
import { Health } from "./health.ts";
import { Intake } from "./intake.ts";
import { Life } from "./life.ts";
import type { Output } from "./output.ts";
import { chooseOutput } from "./choose-output.ts";
import type { Processor, ProcessorClass } from "./processor.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";

export interface Counters {
  restarts: number;
  events: number;
  publishFailures: number;
  saveFailures: number;
}

export interface Parts {
  readonly config: ProcessorConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly life: Life;
  readonly fence: Fence;
  readonly health: Health;
  readonly intake: Intake;
  readonly counters: Counters;
  readonly shutdown: AbortController;
  readonly migrationImminent: AbortController;
  readonly keeper: StateKeeper;
  readonly output: Output;
  readonly processor: Processor;
  readonly desk: StateDesk;
}

export async function assemble(
  processorClass: ProcessorClass,
  config: ProcessorConfig,
  env: Readonly<Record<string, string | undefined>>,
  clock: Clock,
  log: Log,
): Promise<Parts> {
  const appName = processorClass.name === "" ? config.identity.processorId : processorClass.name;
  const keeper = new StateKeeper(await chooseBackend(config, clock, log), {
    podName: config.identity.podName,
    appName,
  });
  const fence = new Fence();
  const shared = {
    config,
    clock,
    log,
    life: new Life(),
    fence,
    health: new Health(),
    intake: new Intake(),
    counters: { restarts: 0, events: 0, publishFailures: 0, saveFailures: 0 },
    shutdown: new AbortController(),
    migrationImminent: new AbortController(),
    keeper,
    output: await chooseOutput({ config, clock, random: systemRandom, log, fence }),
  };
  const startedAt = clock.monotonic();
  // The context reaches what is made after it through this box: the desk needs the processor, the processor the context.
  const late: { desk?: StateDesk } = {};
  const processor = new processorClass(contextOf(shared, env, late));
  const desk = new StateDesk({
    processor,
    output: shared.output,
    keeper,
    fence: shared.fence,
    config,
    now: () => clock.now(),
    log,
    appName,
    tell: () => ({
      uptime_seconds: Math.round(clock.monotonic() - startedAt) / 1000,
      request_count: shared.intake.taken,
      last_health_time: shared.health.lastGood,
    }),
  });
  late.desk = desk;
  return { ...shared, processor, desk };
}

function contextOf(
  parts: Omit<Parts, "processor" | "desk">,
  env: Readonly<Record<string, string | undefined>>,
  late: { desk?: StateDesk },
): ProcessorContext {
  const { identity } = parts.config;
  const { counters, fence, output } = parts;
  return {
    processorId: identity.processorId,
    podName: identity.podName,
    namespace: identity.namespace,
    appVersion: identity.appVersion,
    epoch: identity.epoch,
    get attemptNumber() {
      return counters.restarts + 1;
    },
    isMigrating: identity.migrating,
    previousPodName: identity.previousPod,
    shutdown: parts.shutdown.signal,
    migrationImminent: parts.migrationImminent.signal,
    config: () => ownSettings(env),
    logger: () => parts.log,
    publish: async (event) => {
      fence.check();
      try {
        await output.publish(event);
        counters.events++;
      } catch (thrown) {
        counters.publishFailures++;
        throw thrown;
      }
    },
    reset: async (level) => late.desk?.reset(level),
  };
}
