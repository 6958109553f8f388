/** What a local stack is told from outside, and the ports that follow from it. */
import { resolve } from "node:path";
import { ShoalError } from "@shoal/shared/base/errors.ts";

export interface StackSettings {
  /** Everything that outlives a restart. */
  readonly dataDir: string;
  readonly ports: Readonly<Record<PortName, number>>;
  /** A RabbitMQ to use instead of the embedded broker. */
  readonly amqpUrl: string | undefined;
  readonly logLevel: string;
}

const PORT_NAMES = ["front", "identity", "kubernetes", "bus", "tasks", "postgres"] as const;
export type PortName = (typeof PORT_NAMES)[number];

const DEFAULT_PORT = 8787;

/** Environment: SHOAL_DATA_DIR, SHOAL_PORT (the first of six neighbours), SHOAL_AMQP_URL, SHOAL_LOG_LEVEL. */
export function parseSettings(env: Readonly<Record<string, string | undefined>>): StackSettings {
  const first = Number(env["SHOAL_PORT"] ?? DEFAULT_PORT);
  const last = 65_535 - PORT_NAMES.length;
  if (!Number.isInteger(first) || first < 1024 || first > last)
    throw new ShoalError("invalid_argument", `SHOAL_PORT has to be a whole number from 1024 to ${last}`);
  const amqpUrl = env["SHOAL_AMQP_URL"] === "" ? undefined : env["SHOAL_AMQP_URL"];
  if (amqpUrl !== undefined && !/^amqps?:\/\//.test(amqpUrl))
    throw new ShoalError("invalid_argument", "SHOAL_AMQP_URL has to begin with amqp:// or amqps://");
  return {
    dataDir: resolve(env["SHOAL_DATA_DIR"] ?? ".shoal"),
    ports: Object.fromEntries(PORT_NAMES.map((name, i) => [name, first + i])) as Record<PortName, number>,
    amqpUrl,
    logLevel: env["SHOAL_LOG_LEVEL"] ?? "info",
  };
}
