/**
 * A node among others, put together: sync over the network, joining by invitation, contexts that are followed, blobs and
 * applications that come from members.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { ApplicationStore } from "./applications/applications.ts";
import { createSharedApplications } from "./applications/share.ts";
import type { BlobStore } from "./blobs/blobs.ts";
import { createBlobAccess } from "./blobs/share/access.ts";
import { createBlobFinder } from "./blobs/share/finder.ts";
import { createBlobServer } from "./blobs/share/serve.ts";
import type { Scope } from "./blobs/share/wire.ts";
import type { ContextClient } from "./clients/context-client.ts";
import type { BlobFinder } from "./clients/node-client.ts";
import type { ContextReplicas } from "./context/replica.ts";
import type { Governance, Joiner } from "./governance/contract.ts";
import type { EventBus } from "./model/event.ts";
import type { ApplicationId, ContextId, GroupId, PublicKey } from "./model/ids.ts";
import type { KeyPair } from "./model/keys.ts";
import type { Network, PeerId } from "./network/contract.ts";
import { keepApplications, type Wanted } from "./sync/applications.ts";
import { startFollowing } from "./sync/follow.ts";
import { createJoiner } from "./sync/join.ts";
import { createSync, type Sync } from "./sync/manager.ts";
import { acceptSession, HANDSHAKE_WITHIN, openSession, theirs } from "./sync/session.ts";
import { blame } from "./sync/sessions.ts";
import type { SyncSettings } from "./sync/settings.ts";
import { BLOB_PROTOCOL, contextTopic, namespaceTopic } from "./sync/wire.ts";

export interface PeersInit {
  readonly network: Network;
  readonly governance: Governance;
  readonly replicas: ContextReplicas;
  readonly contexts: Pick<ContextClient, "joinContext" | "listContexts">;
  readonly blobs: BlobStore;
  readonly applications: ApplicationStore;
  readonly account: KeyPair;
  readonly events: EventBus;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly settings?: Partial<SyncSettings>;
}

export interface Peers {
  readonly sync: Sync;
  readonly joiner: Joiner;
  readonly finder: BlobFinder;
  /**
   * Makes a context of a group that this node belongs to come here; resolves with who acts there. Rejects `not_found` for one that
   * no group here has, `permission_denied` where the account may not enter.
   */
  readonly join: (contextId: ContextId) => Promise<PublicKey>;
  /** Begins: topics, sessions, following. */
  start(): Promise<void>;
  close(): Promise<void>;
}

export function connectPeers(init: PeersInit): Peers {
  const { network, governance, replicas, contexts, account, events, clock, random, log } = init;
  const sync = createSync({
    network,
    contexts: replicas,
    governance: governance.replica,
    account,
    events,
    clock,
    random,
    log,
    ...(init.settings === undefined ? {} : { settings: init.settings }),
  });
  const blobs = shareBlobs(init);
  const shared = createSharedApplications({ ...init, peers: blobs.finder });
  const stops: (() => void)[] = [];

  const join = async (contextId: ContextId): Promise<PublicKey> => {
    const groupId = governance.groupOf(contextId);
    const group = groupId === undefined ? undefined : governance.group(groupId).group;
    const context = group?.contexts.get(contextId);
    if (group === undefined || context === undefined) {
      throw new ShoalError("not_found", "no group of this node has such a context", { field: "id" });
    }
    await governance.joinContext(contextId);
    const { targetApplicationId: applicationId, targetVersion: version, id } = group;
    await contexts.joinContext({
      contextId,
      applicationId,
      version,
      service: context.service ?? "default",
      groupId: id,
    });
    return account.publicKey;
  };

  return {
    sync,
    joiner: createJoiner({ parts: sync.parts, sessions: sync.sessions }),
    finder: blobs.finder,
    join,
    async start() {
      blobs.serve();
      await sync.start();
      const keeping = keepApplications({
        wanted: () => wantedOf(governance, replicas),
        isHere: async ({ applicationId, version }) =>
          (await init.applications.get(applicationId, version)) !== undefined,
        bring: (wanted) => shared.ensureInstalled(wanted, { type: "context", contextId: wanted.contextId }),
        // Deltas of any context may have waited for the module that merges them, or that they move to.
        came: () => takeUp(init),
        clock,
        log,
      });
      stops.push(
        keeping.close,
        governance.replica.onOps(keeping.look),
        replicas.onContext(keeping.look),
        replicas.onAwaited(keeping.look),
        network.onPeer(({ type }) => type === "subscribed" && keeping.look()),
        startFollowing({ governance: governance.replica, contexts: replicas, join, log }),
      );
    },
    async close() {
      for (const stop of stops.splice(0)) stop();
      await sync.close();
    },
  };
}

/** What waited in any context is tried again. */
function takeUp({ replicas, log }: PeersInit): void {
  for (const contextId of replicas.list()) {
    const failed = (err: unknown): void => log.warn({ context: contextId, err }, "what waited could not be taken up");
    replicas.governanceGrew(contextId).catch(failed);
  }
}

/** What the contexts that are here run, are to run, or are moved to by what waits for them. */
function wantedOf(governance: Governance, replicas: ContextReplicas): readonly Wanted[] {
  const targets = replicas.list().flatMap((contextId) => {
    const groupId = governance.groupOf(contextId);
    if (groupId === undefined) return [];
    const { appKey, targetApplicationId, targetVersion } = governance.group(groupId).group;
    return [{ contextId, applicationId: targetApplicationId, version: targetVersion, appKey }];
  });
  return [...targets, ...replicas.awaited()];
}

/** Both sides of blobs among peers, on channels whose accounts are proven. */
function shareBlobs(init: PeersInit) {
  const { network, governance, contexts, blobs, applications, account, clock, random, log } = init;
  const self = { network, account, random };
  const applicationsOf = async (namespaceId: GroupId): Promise<readonly ApplicationId[]> => {
    const groups =
      governance
        .namespaces()
        .find(({ id }) => id === namespaceId)
        ?.groups.values() ?? [];
    const run = (await contexts.listContexts())
      .filter(({ id }) => governance.replica.namespaceOf(id) === namespaceId)
      .map(({ applicationId }) => applicationId);
    return [...new Set([...[...groups].map(({ targetApplicationId }) => targetApplicationId), ...run])];
  };
  const access = createBlobAccess({ governance: governance.replica, blobs, applications, applicationsOf });
  const serve = createBlobServer({ blobs, access, applications, network, clock });
  const finder = createBlobFinder({
    blobs,
    access,
    network,
    clock,
    log,
    peers: (scope) => membersOf(network, governance, scope),
    async open(peer) {
      const channel = await network.open(peer, BLOB_PROTOCOL, HANDSHAKE_WITHIN);
      try {
        return await theirs(() => openSession(self, channel));
      } catch (thrown) {
        channel.abort();
        blame(network, peer, thrown);
        throw thrown;
      }
    },
  });
  return {
    finder,
    serve: () => network.handle(BLOB_PROTOCOL, async (channel) => serve(channel, await acceptSession(self, channel))),
  };
}

/** Peers of the scope's topic, then those of its namespace. */
function membersOf(network: Network, governance: Governance, scope: Scope): readonly PeerId[] {
  const namespaceId = scope.type === "namespace" ? scope.namespaceId : governance.replica.namespaceOf(scope.contextId);
  const near = scope.type === "context" ? network.subscribers(contextTopic(scope.contextId)) : [];
  const far = namespaceId === undefined ? [] : network.subscribers(namespaceTopic(namespaceId));
  return [...new Set([...near, ...far])];
}
