/** Where events go: to the bus where one is configured, else to the log. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { ProcessorConfig } from "../config/config.ts";
import { logOutput } from "./log-output.ts";
import type { Output } from "./output.ts";

/** Throws `unavailable` where a bus is configured that cannot be spoken to: events are never dropped in silence. */
export function chooseOutput(config: ProcessorConfig["output"], log: Log): Output {
  if (config.busUrl === undefined) return logOutput(log);
  throw new ShoalError("unavailable", "a bus is configured, and this build has no publisher", {
    field: "DORY_RABBITMQ_URL",
  });
}
