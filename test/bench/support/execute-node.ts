/**
 * A node in parts, each wrapped in a stopwatch: the same store, executor, contexts, guard and server as the node's own wiring.
 * Beside it the same server over contexts that answer at once, which is what HTTP and auth cost alone.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Registry } from "prom-client";
import { lazyRecipient } from "@shoal/node/actors/lazy-recipient.ts";
import { ApplicationStore } from "@shoal/node/applications/applications.ts";
import { createAuth } from "@shoal/node/auth/auth.ts";
import type { Guard } from "@shoal/node/auth/contract.ts";
import { DEFAULT_AUTH_SETTINGS } from "@shoal/node/auth/settings.ts";
import { BlobStore } from "@shoal/node/blobs/blobs.ts";
import { contextClient, type ContextClient } from "@shoal/node/clients/context-client.ts";
import { networkClient } from "@shoal/node/clients/network-client.ts";
import { nodeClient } from "@shoal/node/clients/node-client.ts";
import { createAliases } from "@shoal/node/context/aliases.ts";
import { startContexts } from "@shoal/node/context/start.ts";
import { createEventBus } from "@shoal/node/events.ts";
import { createGovernance } from "@shoal/node/governance/governance.ts";
import { createAttester } from "@shoal/node/governance/tee/attester.ts";
import type { NodeMessage } from "@shoal/node/manager/messages.ts";
import { keyPairOf } from "@shoal/node/model/keys.ts";
import type { Executor, Outcome, RunRequest } from "@shoal/node/runtime/contract.ts";
import { createExecutor } from "@shoal/node/runtime/executor/executor.ts";
import { DEFAULT_LIMITS } from "@shoal/node/runtime/limits.ts";
import { governanceHandlers } from "@shoal/node/server/admin/governance/index.ts";
import { createServer, type ServerParts } from "@shoal/node/server/server.ts";
import { openReader, openStore } from "@shoal/node/storage/open.ts";
import type { Row, Store } from "@shoal/node/storage/store.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { Secret } from "@shoal/shared/base/secret.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import { createRunner, type Runner } from "@shoal/node/runtime/run/runner.ts";
import { startPeer } from "../../unit/node/network/rig.ts";
import type { Stopwatch } from "./stopwatch.ts";

const USER = { username: "bench", password: "bench-password" };

export interface BenchNode {
  readonly url: string;
  /** The same server over contexts that do nothing. */
  readonly stubUrl: string;
  readonly store: Store;
  readonly runner: Runner;
  readonly contextIds: readonly string[];
  readonly executor: Pick<Executor, "run">;
  /** The last runs of each mode: what they were asked, and the rows that the one that wrote left. */
  readonly last: { write?: RunRequest; read?: RunRequest; rows: readonly Row[] };
  token(): Promise<string>;
  close(): Promise<void>;
}

export async function openBenchNode(module: Uint8Array, contexts: number, watch: Stopwatch): Promise<BenchNode> {
  const directory = await mkdtemp(join(tmpdir(), "shoal-bench-"));
  const [storePath, blobsPath] = [join(directory, "store"), join(directory, "blobs")];
  const [clock, random, log] = [systemClock, systemRandom, silentLog];
  const store = await openStore({ path: storePath, log });
  const blobs = await BlobStore.open({ directory: blobsPath, store, clock });
  const executor = await createExecutor({ storePath, blobsPath, log });
  const last: BenchNode["last"] = { rows: [] };
  const account = keyPairOf(random.bytes(32), "secret");
  const events = createEventBus(log);
  const applications = await ApplicationStore.open({
    store,
    blobs,
    clock,
    maxMemoryPages: DEFAULT_LIMITS.maxMemoryPages,
    isInUse: async () => false,
  });
  const governance = await createGovernance({
    store,
    clock,
    random,
    log,
    events,
    account,
    applications,
    updateContext: async () => undefined,
  });
  const { manager } = await startContexts({
    store: watch.wrap(store, ["apply", "durable"]),
    executor: {
      run: (request) => watch.time("executor", () => noted(executor.run(request), request, last, watch)),
      merge: (request) => executor.merge(request),
      close: () => executor.close(),
    },
    applications,
    aliases: createAliases(store),
    membership: governance,
    governance: governance.replica,
    events,
    account,
    limits: DEFAULT_LIMITS,
    clock,
    random,
    log,
  });
  const client = contextClient(manager);
  const applicationId = await applications.installFromBlob((await blobs.add(once(module))).blobId, {
    metadata: new Uint8Array(),
  });
  const contextIds: string[] = [];
  for (let n = 0; n < contexts; n++) {
    const made = await client.createContext({ applicationId, initializationParams: Buffer.from("{}") });
    contextIds.push(made.contextId);
  }
  const auth = await createAuth({
    store,
    clock,
    random,
    log,
    version: "bench",
    settings: {
      ...DEFAULT_AUTH_SETTINGS,
      mode: "embedded",
      firstAdministrator: { username: USER.username, password: new Secret(USER.password) },
    },
  });
  const guard: Guard = { check: (request, required) => watch.time("auth", () => auth.guard.check(request, required)) };
  const network = await startPeer({ store, log });
  const parts = (contextsOf: ContextClient): ServerParts => ({
    config: {
      listen: [{ host: "127.0.0.1", port: 0 }],
      prefix: "",
      mode: "standard",
      enabled: { admin: true, jsonrpc: true, websocket: false, sse: false },
      origins: "*",
    },
    contexts: contextsOf,
    nodes: nodeClient(lazyRecipient<NodeMessage>("node"), {
      applications,
      blobs,
      aliases: createAliases(store),
      identity: () => ({ peerId: "bench", publicKey: account.publicKey, version: "bench" }),
      peers: async () => [],
      collect: () => Promise.reject(new Error("no collector here")),
    }),
    network: networkClient(network),
    events,
    governance: governanceHandlers({
      governance,
      contexts: client,
      applications,
      attester: createAttester(false),
      clock,
    }),
    store,
    guard,
    authRoutes: auth.routes(),
    registry: new Registry(),
    clock,
    random,
    log,
  });
  const timed: ContextClient = { ...client, execute: (input) => watch.time("execute", () => client.execute(input)) };
  const stub: ContextClient = {
    ...client,
    execute: async () => ({ output: Buffer.from("null"), logs: [], gasUsed: 0n }),
  };
  const [server, stubbed] = [await createServer(parts(timed)), await createServer(parts(stub))];
  const reader = await openReader(storePath);
  const url = server.urls[0] ?? "";
  return {
    url,
    stubUrl: stubbed.urls[0] ?? "",
    store,
    runner: createRunner({ reader, blobs: { directory: blobsPath, clock }, moduleCacheBytes: 64 << 20 }),
    executor,
    contextIds,
    last,
    token: () => signIn(url),
    async close() {
      await Promise.all([server.close(), stubbed.close()]);
      await manager.stop();
      await governance.close();
      await reader.close();
      await executor.close();
      await store.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function noted(
  running: Promise<Outcome>,
  request: RunRequest,
  last: BenchNode["last"],
  watch: Stopwatch,
): Promise<Outcome> {
  const outcome = await running;
  const { timings } = outcome;
  if (timings !== undefined) {
    watch.add("instance", timings.instanceUs);
    watch.add("guest", timings.guestUs - timings.hostUs);
    watch.add("host", timings.hostUs - timings.merkleUs);
    watch.add("merkle", timings.merkleUs);
  }
  // What was on its way then is in the store by now.
  const { ahead: _, ...alone } = request;
  if (request.mode === "write") Object.assign(last, { write: alone, rows: outcome.rows });
  else last.read = alone;
  return outcome;
}

async function signIn(url: string): Promise<string> {
  const response = await fetch(`${url}/auth/token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      auth_method: "user_password",
      public_key: "bench",
      client_name: "bench",
      timestamp: Math.floor(systemClock.now() / 1000),
      provider_data: USER,
    }),
  });
  const { data } = (await response.json()) as { readonly data: { readonly access_token: string } };
  return data.access_token;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
