/**
 * A node, wired: store, blobs, applications, governance, contexts, network, collector, server; started in this order, stopped
 * in reverse. Actors that need each other meet through façades that exist before they do.
 */
import { Registry } from "prom-client";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { lazyRecipient } from "./actors/lazy-recipient.ts";
import { ApplicationStore } from "./applications/applications.ts";
import { BUNDLE_LIMITS } from "./applications/bundle/limits.ts";
import { createAuth, type Auth } from "./auth/auth.ts";
import { createMemoryStore } from "./storage/memory-store.ts";
import { BlobStore } from "./blobs/blobs.ts";
import { contextClient, type ContextClient } from "./clients/context-client.ts";
import { networkClient } from "./clients/network-client.ts";
import { nodeClient } from "./clients/node-client.ts";
import type { NodeConfig } from "./config/config.ts";
import { seedBytes } from "./config/identity.ts";
import { createAliases } from "./context/aliases.ts";
import type { ContextMessage } from "./context/messages.ts";
import { startContexts } from "./context/start.ts";
import { createEventBus } from "./events.ts";
import { createCollector, type Collector } from "./gc/collector.ts";
import { DEFAULT_GC } from "./gc/settings.ts";
import { createGovernance } from "./governance/governance.ts";
import { createAttester } from "./governance/tee/attester.ts";
import type { UpdateContext } from "./governance/upgrades/mover.ts";
import type { NodeMessage } from "./manager/messages.ts";
import type { UsageParts } from "./manager/usage.ts";
import { startNodeManager } from "./manager/manager.ts";
import { nodeMetrics } from "./metrics.ts";
import type { Network } from "./network/contract.ts";
import { preloadNetwork, startNetwork } from "./network/libp2p/start.ts";
import { connectPeers, type Peers } from "./peers.ts";
import { createExecutor } from "./runtime/executor/executor.ts";
import { governanceHandlers } from "./server/admin/governance/index.ts";
import { createServer } from "./server/server.ts";
import { openStore } from "./storage/open.ts";
import type { Store } from "./storage/store.ts";

export interface NodeInit {
  readonly config: NodeConfig;
  /** 32 bytes: what is stored is encrypted with it. */
  readonly storageKey?: Uint8Array;
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The program of its threads, where it is bundled. */
  readonly threads?: URL;
  /** Of the built page of a node in a browser tab, where it is not beside the program. */
  readonly tabFolder?: string;
  /** Bytes of memory in use, for whoever asks for the usage. */
  readonly memoryBytes: () => number;
}

export interface Node {
  readonly urls: readonly string[];
  /** Multiaddresses, as other nodes may dial them. */
  readonly addresses: readonly string[];
  readonly collector: Collector;
  /** Stops taking calls, ends what runs, and closes the store. */
  close(): Promise<void>;
}

/** Rejects with what is wrong where the node cannot start; nothing is left open then. */
export async function startNode(init: NodeInit): Promise<Node> {
  const closing: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (let stop = closing.pop(); stop !== undefined; stop = closing.pop()) {
      await stop().catch((err: unknown) => init.log.error({ err }, "a part of the node did not stop cleanly"));
    }
  };
  try {
    return { ...(await wire(init, (stop) => void closing.push(stop))), close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

type OnClose = (stop: () => Promise<void>) => void;

async function wire(init: NodeInit, onClose: OnClose): Promise<Omit<Node, "close">> {
  // Loaded while the store opens: it is most of what a start would wait for.
  preloadNetwork();
  const registry = new Registry();
  const base = await openBase(init, onClose);
  const actors = await startActors(init, base, registry, onClose);
  const { config, clock, random, log } = init;
  const { store, events, contexts, network, governance, peers, collector } = { ...base, ...actors };
  const auth = await openAuth(init, store, onClose);
  nodeMetrics(registry, { collector, contexts, sync: peers.sync.counters });
  const server = await createServer({
    config: config.server,
    contexts,
    nodes: actors.nodes,
    network: networkClient(network),
    peers,
    events,
    governance: governanceHandlers({
      governance,
      contexts,
      applications: actors.nodes.applications,
      attester: createAttester(config.specializedNode.accept_mock_tee),
      bring: async (contextId) => void (await peers.join(contextId)),
      clock,
    }),
    store,
    registry,
    unready: () => (actors.isStopped() ? "the context manager has stopped" : undefined),
    // Behind a proxy nobody is judged here, but the proxy asks `/auth/validate`.
    authRoutes: auth.routes(),
    ...(config.auth.mode === "embedded" ? { guard: auth.guard } : {}),
    ...(init.tabFolder === undefined ? {} : { tabFolder: init.tabFolder }),
    clock,
    random,
    log,
  });
  onClose(() => server.close());
  await peers.start();
  governance.upgrades.resume();
  return { urls: server.urls, addresses: network.status().listening, collector };
}

/** What everything else stands on: store, blobs, the threads that run methods. */
async function openBase(init: NodeInit, onClose: OnClose) {
  const { config, clock, log, storageKey, threads } = init;
  const store = await openStore({ path: config.datastorePath, log, ...cipherOf(init) });
  onClose(() => store.close());
  const blobs = await BlobStore.open({ directory: config.blobstorePath, store, clock });
  const executor = await createExecutor({
    storePath: config.datastorePath,
    blobsPath: config.blobstorePath,
    maxStackBytes: config.limits.maxStackBytes,
    log,
    ...(threads === undefined ? {} : { entry: threads }),
    ...(storageKey === undefined ? {} : { cipherKey: storageKey }),
  });
  onClose(() => executor.close());
  return { store, blobs, executor, events: createEventBus(log) };
}

const cipherOf = ({ storageKey }: NodeInit): { readonly cipher?: Uint8Array } =>
  storageKey === undefined ? {} : { cipher: storageKey };

type Base = Awaited<ReturnType<typeof openBase>>;

/** The actors, with the services between them. */
async function startActors(init: NodeInit, base: Base, registry: Registry, onClose: OnClose) {
  const { config, clock, random, log } = init;
  const recipients = {
    contexts: lazyRecipient<ContextMessage>("contexts"),
    node: lazyRecipient<NodeMessage>("node"),
  };
  const contexts = contextClient(recipients.contexts);
  const network = await startNetwork({ config, store: base.store, clock, random, log, registry });
  onClose(() => network.close());
  const late: Late = {};
  const services = await openServices(init, base, { contexts, network, late });
  const { applications, aliases, governance, account } = services;
  onClose(() => governance.close());

  let stopped = false;
  const { manager, replicas } = await startContexts({
    ...base,
    ...services,
    membership: governance,
    governance: governance.replica,
    syncing: {
      sync: async (id) => late.peers?.sync.sync(id),
      status: (id) => late.peers?.sync.status(id) ?? { syncState: "idle", failureCount: 0 },
    },
    limits: config.limits,
    clock,
    random,
    log,
    onStopped: () => (stopped = true),
  });
  recipients.contexts.init(manager);
  onClose(() => manager.stop());
  const peers = connectPeers({ ...base, ...services, network, replicas, contexts, clock, random, log });
  late.peers = peers;
  onClose(() => peers.close());
  const node = startNodeManager({
    ...base,
    usage: usageOf(init, base, services, contexts),
    clock,
    random,
    log,
  });
  recipients.node.init(node);
  onClose(() => node.stop());
  const settings = { ...DEFAULT_GC, ...gcOf(config) };
  const collector = createCollector({ ...base, contexts, settings, clock, log });
  collector.start();
  onClose(() => collector.stop());
  const nodes = nodeClient(recipients.node, {
    applications,
    aliases,
    blobs: base.blobs,
    identity: () => ({ peerId: config.peerId, publicKey: account.publicKey, version: init.version }),
    peers: async () => network.peers().map(({ peerId }) => peerId),
    collect: (options) => collector.run(options),
  });
  return { contexts, network, governance, peers, collector, nodes, isStopped: () => stopped };
}

/** What is made after those who ask for it. */
interface Late {
  peers?: Peers;
}

interface Around {
  readonly contexts: ContextClient;
  readonly network: Network;
  readonly late: Late;
}

/** What needs no actor of its own. */
async function openServices(init: NodeInit, { store, blobs, events }: Base, { contexts, network, late }: Around) {
  const { config, clock, random, log } = init;
  const applications = await ApplicationStore.open({
    store,
    blobs,
    clock,
    maxMemoryPages: config.limits.maxMemoryPages,
    limits: { ...BUNDLE_LIMITS, moduleBytes: config.limits.maxModuleBytes },
    ...(init.threads === undefined ? {} : { prepareEntry: init.threads }),
    isInUse: async (id) => (await contexts.listContexts()).some(({ applicationId }) => applicationId === id),
  });
  const account = { publicKey: config.account.publicKey, secret: seedBytes(config.account) };
  const updateContext: UpdateContext = async (contextId, target) => {
    const { applicationId, version } = (await contexts.getContext(contextId)) ?? {};
    if (applicationId === target.applicationId && version === target.version) return;
    await contexts.updateApplication({ contextId, ...target });
  };
  const governance = await createGovernance({
    store,
    clock,
    random,
    log,
    events,
    account,
    applications,
    updateContext,
    addresses: () => network.status().listening,
    joiner: {
      async bring(invitation) {
        if (late.peers === undefined) throw new ShoalError("unavailable", "the node is still starting");
        await late.peers.joiner.bring(invitation);
      },
    },
  });
  return { applications, account, governance, aliases: createAliases(store) };
}

function usageOf(
  { clock, memoryBytes }: NodeInit,
  { blobs }: Base,
  { applications }: Awaited<ReturnType<typeof openServices>>,
  contexts: ContextClient,
): UsageParts {
  const startedAt = clock.monotonic();
  const uptimeSeconds = (): number => Math.floor((clock.monotonic() - startedAt) / 1000);
  return { contexts, applications, blobs, memoryBytes, uptimeSeconds };
}

async function openAuth(init: NodeInit, store: Store, onClose: OnClose): Promise<Auth> {
  const { config, clock, random, log, version } = init;
  const { authStorage } = config;
  let own = store;
  if (authStorage.type === "memory") own = createMemoryStore();
  else if (authStorage.path !== undefined) {
    own = await openStore({ path: authStorage.path, log, ...cipherOf(init) });
    onClose(() => own.close());
  }
  return createAuth({ store: own, clock, random, log, settings: config.auth, version });
}

function gcOf({
  gc,
}: NodeConfig): Pick<typeof DEFAULT_GC, "checkInterval" | "tombstoneRetention" | "batch" | "maxDeletions" | "dryRun"> {
  return {
    checkInterval: gc.check_interval,
    tombstoneRetention: gc.tombstone_retention,
    batch: gc.batch_size,
    maxDeletions: gc.max_deletions,
    dryRun: gc.dry_run,
  };
}
