/** The log: one JSON object a line on standard output, or a line for people. */
import { pino } from "pino";
import type { Log } from "@shoal/shared/base/log.ts";
import type { ProcessorConfig } from "../config/config.ts";

export function createLog(config: ProcessorConfig["log"], fields: object): Log {
  const options = { level: config.level, base: fields, formatters: { level: (label: string) => ({ level: label }) } };
  return config.format === "json"
    ? pino(options)
    : pino(options, { write: (line) => process.stdout.write(asText(line)) });
}

function asText(line: string): string {
  const { time, level, msg, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const at = new Date(Number(time)).toISOString();
  return `${at} ${String(level).toUpperCase()} ${String(msg)} ${JSON.stringify(rest)}\n`;
}
