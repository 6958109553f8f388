/** What the wiring of several functions has in common. */
import { pino, type Logger } from "pino";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Queue } from "@shoal/shared/ports/queue.ts";
import { metadataAccessToken } from "../adapters/cloud-tasks/access-token.ts";
import { CLOUD_TASKS_ENDPOINT, createCloudTasksQueue } from "../adapters/cloud-tasks/queue.ts";
import type { DatabaseSection, Sections } from "../config.ts";
import { createDatabase, type Database, type DatabaseOptions } from "../store/database.ts";

/** Names that Cloud Logging reads: severity, message, and the trace that a line belongs to. */
export function createLog(name: string, { logLevel }: Sections["runtime"]): Logger {
  return pino({
    level: logLevel,
    messageKey: "message",
    base: { function: name },
    formatters: { level: (label) => ({ severity: label === "warn" ? "WARNING" : label.toUpperCase() }) },
  });
}

/** `patience` is for a function whose caller must hear soon that the database does not answer. */
export function openDatabase(
  name: string,
  section: DatabaseSection,
  log: Logger,
  patience: Partial<Pick<DatabaseOptions, "statementTimeoutMs" | "connectTimeoutMs">> = {},
): Database {
  return createDatabase({
    url: section.url.reveal(),
    log,
    applicationName: `shoal-${name}`,
    maxConnections: section.maxConnections,
    statementTimeoutMs: 20_000,
    ...patience,
  });
}

export function openQueue(section: Sections["queue"], clock: Clock): Queue {
  const { project, location, serviceAccountEmail, targets, standIn } = section;
  const base = { project, location, serviceAccountEmail, ...(targets === undefined ? {} : { targets }) };
  return standIn === undefined
    ? createCloudTasksQueue({ ...base, endpoint: CLOUD_TASKS_ENDPOINT, accessToken: metadataAccessToken(clock) })
    : createCloudTasksQueue({ ...base, endpoint: standIn });
}
