/**
 * A process that serves a group of functions, each on a loopback port of its own, by the framework that serves them when they
 * are deployed. Its parent starts it with an IPC channel; it says `{ ports }` when it is ready, and leaves when the channel
 * breaks: no parent, no functions. Environment: FUNCTIONS_SOURCE (a module), FUNCTION_TARGETS (comma-separated exports).
 */
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { pathToFileURL } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { cloudEvent, http, type CloudEventFunction, type HttpFunction } from "@google-cloud/functions-framework";
import { getTestServer } from "@google-cloud/functions-framework/testing";

/** What the parent hears. */
export interface Ready {
  readonly ports: Readonly<Record<string, number>>;
}

/** A request under way may take this long to end once we are told to leave; Cloud Run gives 10 s. */
const GRACE_MS = 8000;

type Exported = (HttpFunction | CloudEventFunction) & { readonly __endpoint?: { readonly eventTrigger?: object } };

function register(name: string, exported: Exported | undefined): void {
  if (typeof exported !== "function") throw new Error(`the functions export no function named ${name}`);
  if (exported.__endpoint?.eventTrigger === undefined) http(name, exported as HttpFunction);
  else cloudEvent(name, exported as CloudEventFunction);
}

async function listen(name: string): Promise<readonly [string, Server]> {
  const server = getTestServer(name);
  // Node's limit of 5 minutes for a request is no limit of the platform's.
  server.requestTimeout = 0;
  // Longer than the callers keep theirs, or they write into a connection that we are closing.
  server.keepAliveTimeout = 75_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return [name, server];
}

async function leave(servers: readonly Server[]): Promise<void> {
  const closed = servers.map((server) => {
    const gone = once(server, "close");
    server.close();
    server.closeIdleConnections();
    return gone;
  });
  await Promise.race([Promise.all(closed), sleep(GRACE_MS)]);
  process.exit(0);
}

process.once("disconnect", () => process.exit(1));
const source = process.env["FUNCTIONS_SOURCE"] ?? "";
const targets = (process.env["FUNCTION_TARGETS"] ?? "").split(",");
const exported = (await import(pathToFileURL(source).href)) as Readonly<Record<string, Exported>>;
for (const name of targets) register(name, exported[name]);
const servers = await Promise.all(targets.map(listen));
process.once("SIGTERM", () => void leave(servers.map(([, server]) => server)));
const ports = Object.fromEntries(servers.map(([name, server]) => [name, (server.address() as AddressInfo).port]));
process.send?.({ ports } satisfies Ready);
