/** Where events go: to the bus where one is configured, else to the log. */
import type { Log } from "@shoal/shared/base/log.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { ProcessorConfig } from "../config/config.ts";
import type { Fence } from "./fence.ts";
import { logOutput } from "./log-output.ts";
import type { Output } from "./output.ts";

export interface OutputParts {
  readonly config: ProcessorConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly fence: Fence;
}

/** The broker's library is loaded only where there is a broker. */
export async function chooseOutput(parts: OutputParts): Promise<Output> {
  const { busUrl } = parts.config.output;
  if (busUrl === undefined) return logOutput(parts.log);
  const { busOutput } = await import("../publisher/bus-output.ts");
  return busOutput(busUrl.reveal(), parts);
}
