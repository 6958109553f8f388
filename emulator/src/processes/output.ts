/** What a function's process writes, into the emulator's log: JSON lines keep their fields and level, text becomes a line. */
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { Log } from "@shoal/shared/base/log.ts";

type Level = "debug" | "info" | "warn" | "error";

/** Cloud Logging's severities and pino's numbers, by their beginnings. */
const LEVELS: readonly (readonly [RegExp, Level])[] = [
  [/^(debug|trace|[12]0$)/i, "debug"],
  [/^(warn|40$)/i, "warn"],
  [/^(err|crit|alert|emerg|fatal|[56]0$)/i, "error"],
];

/** `level` is that of plain text. */
export function forward(stream: Readable, log: Log, level: Level): void {
  const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
  lines.on("line", (line) => {
    if (line.trim() !== "") write(log, line, level);
  });
}

export function write(log: Log, line: string, level: Level): void {
  const fields = parsed(line);
  if (fields === undefined) return log[level]({}, line);
  const { message, msg, severity, level: numeric, time, timestamp, pid, hostname, ...rest } = fields;
  void [time, timestamp, pid, hostname]; // the emulator's own line says these
  const named = severity ?? numeric;
  const name = typeof named === "string" || typeof named === "number" ? String(named) : "";
  const text = message ?? msg;
  const at = LEVELS.find(([pattern]) => pattern.test(name))?.[1] ?? "info";
  log[at](rest, typeof text === "string" ? text : "");
}

function parsed(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
