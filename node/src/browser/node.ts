/**
 * A node in a tab, wired: what `../node.ts` is for a process, without a server, a collector and threads. It belongs to groups
 * like any other node; peers reach it over the connections that it opened.
 */
import type { Log } from "@shoal/shared/base/log.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { lazyRecipient } from "../actors/lazy-recipient.ts";
import { ApplicationStore } from "../applications/applications.ts";
import { BUNDLE_LIMITS } from "../applications/bundle/limits.ts";
import { BlobStore } from "../blobs/blobs.ts";
import { contextClient, type ContextClient } from "../clients/context-client.ts";
import { networkClient, type NetworkClient } from "../clients/network-client.ts";
import { identityOf } from "../config/identity.ts";
import { fileSchema } from "../config/sections.ts";
import { swarmSection } from "../config/swarm-section.ts";
import { createAliases } from "../context/aliases.ts";
import type { ContextMessage } from "../context/messages.ts";
import { startContexts } from "../context/start.ts";
import { createEventBus } from "../events.ts";
import type { Governance } from "../governance/contract.ts";
import { createGovernance } from "../governance/governance.ts";
import type { EventBus } from "../model/event.ts";
import type { PublicKey } from "../model/ids.ts";
import { startNetwork } from "../network/libp2p/start.ts";
import { connectPeers, type Peers } from "../peers.ts";
import { DEFAULT_LIMITS } from "../runtime/limits.ts";
import { createBrowserExecutor } from "./executor.ts";
import { tabKeys } from "./keys.ts";
import { openBrowserStore } from "./store.ts";

/** Where blobs lie in the tab's own file system. */
const BLOBS = "/blobs";

export interface BrowserNodeInit {
  /** Names the tab's data: the same name finds everything again. */
  readonly name: string;
  /** Multiaddresses over WebSocket, each with a peer id. */
  readonly bootNodes: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface BrowserNode {
  readonly account: PublicKey;
  readonly peerId: string;
  readonly contexts: ContextClient;
  readonly applications: Pick<ApplicationStore, "get">;
  readonly governance: Governance;
  readonly network: NetworkClient;
  readonly events: EventBus;
  close(): Promise<void>;
}

/** Rejects `unavailable` where the browser keeps nothing. */
export async function startBrowserNode(init: BrowserNodeInit): Promise<BrowserNode> {
  const { clock, random, log } = init;
  const store = await openBrowserStore(`shoal-${init.name}`);
  const { peer, account } = await tabKeys(store, random);
  const blobs = await BlobStore.open({ directory: BLOBS, store, clock });
  const executor = createBrowserExecutor(store, BLOBS, clock);
  const events = createEventBus(log);
  const base = { store, blobs, executor, events, account, clock, random, log };
  const recipient = lazyRecipient<ContextMessage>("contexts");
  const contexts = contextClient(recipient);
  const applications = await ApplicationStore.open({
    ...base,
    maxMemoryPages: DEFAULT_LIMITS.maxMemoryPages,
    limits: { ...BUNDLE_LIMITS, moduleBytes: DEFAULT_LIMITS.maxModuleBytes },
    isInUse: async (id) => (await contexts.listContexts()).some(({ applicationId }) => applicationId === id),
  });
  const network = await startNetwork({
    config: {
      identity: identityOf(peer.secret),
      network: {
        swarm: swarmSection.parse({ listen: [] }),
        bootstrap: { nodes: [...init.bootNodes] },
        discovery: fileSchema.shape.discovery.parse({ mdns: false }),
      },
    },
    ...base,
  });
  const late: { peers?: Peers } = {};
  const governance = await createGovernance({
    ...base,
    applications,
    updateContext: (contextId, target) => contexts.updateApplication({ contextId, ...target }),
    joiner: { bring: async (invitation) => late.peers?.joiner.bring(invitation) },
  });
  const { manager, replicas } = await startContexts({
    ...base,
    applications,
    aliases: createAliases(store),
    membership: governance,
    governance: governance.replica,
    limits: DEFAULT_LIMITS,
    syncing: {
      sync: async (id) => late.peers?.sync.sync(id),
      status: (id) => late.peers?.sync.status(id) ?? { syncState: "idle", failureCount: 0 },
    },
  });
  recipient.init(manager);
  const peers = connectPeers({ ...base, network, governance, replicas, contexts, applications });
  late.peers = peers;
  await peers.start();
  governance.upgrades.resume();
  return {
    account: account.publicKey,
    peerId: network.self,
    contexts,
    applications,
    governance,
    network: networkClient(network),
    events,
    async close() {
      await peers.close();
      await network.close();
      await manager.stop();
      await governance.close();
      await executor.close();
      await store.close();
    },
  };
}
