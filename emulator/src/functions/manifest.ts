/**
 * The deploy manifest: what a deploy would make of the functions' code, by firebase-functions' own discovery. Queues, retries
 * and schedules are read from it, so that nothing is declared twice. Discovery loads the code, hence in a process of its own.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { ShoalError, messageOf } from "@shoal/shared/base/errors.ts";
import type { TaskQueueTrigger } from "../cloud-tasks/queue.ts";
import type { ScheduleTrigger } from "../scheduler/scheduler.ts";

/** One function; of the triggers exactly one is there. Null means that the code leaves it to the platform. */
export interface Endpoint {
  readonly entryPoint: string;
  readonly httpsTrigger?: object;
  readonly callableTrigger?: object;
  readonly taskQueueTrigger?: TaskQueueTrigger;
  readonly scheduleTrigger?: ScheduleTrigger;
  readonly eventTrigger?: { readonly eventType: string; readonly eventFilters: Readonly<Record<string, string>> };
  readonly timeoutSeconds?: number | null;
  readonly concurrency?: number | null;
}

export interface Manifest {
  readonly endpoints: Readonly<Record<string, Endpoint>>;
  readonly requiredAPIs: readonly { readonly api: string; readonly reason: string }[];
}

const LONGEST_MS = 60_000;

/** `source` is the module whose exports are the functions. Errors: `internal`, with what the code said as it was loaded. */
export async function readManifest(source: string, env: Readonly<Record<string, string>>): Promise<Manifest> {
  const folder = await mkdtemp(join(tmpdir(), "shoal-manifest-"));
  try {
    const output = join(folder, "manifest.json");
    // The package exports its library only; the command lies beside it: lib/v2/index.js, lib/bin/firebase-functions.js.
    const library = createRequire(source).resolve("firebase-functions/v2");
    const discovery = join(dirname(library), "..", "bin", "firebase-functions.js");
    // It reads its first argument only where a second one follows.
    await promisify(execFile)(process.execPath, [discovery, source, "."], {
      env: { ...env, FUNCTIONS_MANIFEST_OUTPUT_PATH: output },
      timeout: LONGEST_MS,
    });
    const { endpoints, requiredAPIs } = JSON.parse(await readFile(output, "utf8")) as Manifest;
    return { endpoints, requiredAPIs };
  } catch (thrown) {
    throw new ShoalError("internal", `the functions' deploy manifest cannot be read: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Triggers of one kind, by function name. */
export function triggersOf<Kind extends "taskQueueTrigger" | "scheduleTrigger">(
  manifest: Manifest,
  kind: Kind,
): Readonly<Record<string, NonNullable<Endpoint[Kind]>>> {
  const found: Record<string, NonNullable<Endpoint[Kind]>> = {};
  for (const [name, endpoint] of Object.entries(manifest.endpoints)) {
    const trigger = endpoint[kind];
    if (trigger !== undefined && trigger !== null) found[name] = trigger;
  }
  return found;
}
