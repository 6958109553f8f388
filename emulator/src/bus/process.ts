/**
 * The bus as a process of its own. Environment: BUS_DATA_DIR, BUS_USERS (JSON, password by name), and optionally BUS_PORT
 * and BUS_LIMITS (JSON). Prints one JSON line when it is ready; SIGTERM and SIGINT end it in good order.
 */
import { pino } from "pino";
import { startBus } from "./index.ts";
import type { BusLimits } from "./limits.ts";
import type { Users } from "./users.ts";

const { env } = process;
const log = pino({ name: "bus", level: env["LOG_LEVEL"] ?? "info" }, pino.destination(2));

function required(name: string): string {
  const value = env[name];
  if (value === undefined || value === "") throw new Error(`${name} is not set`);
  return value;
}

const bus = await startBus({
  host: "127.0.0.1",
  port: Number(env["BUS_PORT"] ?? "0"),
  dataDir: required("BUS_DATA_DIR"),
  users: JSON.parse(required("BUS_USERS")) as Users,
  log,
  ...(env["BUS_LIMITS"] === undefined ? {} : { limits: JSON.parse(env["BUS_LIMITS"]) as Partial<BusLimits> }),
  onBroken: () => process.exit(1),
});
process.stdout.write(`${JSON.stringify({ ready: true, port: bus.port, url: bus.url })}\n`);

let stopping = false;
const stop = (): void => {
  if (stopping) return;
  stopping = true;
  bus.stop().then(
    () => process.exit(0),
    () => process.exit(1),
  );
};
process.on("SIGTERM", stop);
process.on("SIGINT", stop);
