/**
 * One node of the simulation: the production's contexts, governance and sync on a simulated store, network and clock. What
 * outlives its process is its disk, its keys and the peers that it blocked.
 */
import { contextClient, type ContextClient } from "@shoal/node/clients/context-client.ts";
import type { Applications } from "@shoal/node/clients/node-client.ts";
import { createAliases } from "@shoal/node/context/aliases.ts";
import type { CommittedDelta, ContextReplicas } from "@shoal/node/context/replica.ts";
import { startContexts } from "@shoal/node/context/start.ts";
import { createEventBus } from "@shoal/node/events.ts";
import type { Governance } from "@shoal/node/governance/contract.ts";
import { createGovernance } from "@shoal/node/governance/governance.ts";
import type { Application } from "@shoal/node/model/application.ts";
import type { NodeEvent } from "@shoal/node/model/event.ts";
import { keyPairOf, type KeyPair } from "@shoal/node/model/keys.ts";
import type { PeerId } from "@shoal/node/network/contract.ts";
import type { MergeRequest } from "@shoal/node/runtime/contract.ts";
import { DEFAULT_LIMITS } from "@shoal/node/runtime/limits.ts";
import type { ContextId } from "@shoal/node/model/ids.ts";
import { startFollowing } from "@shoal/node/sync/follow.ts";
import { createJoiner } from "@shoal/node/sync/join.ts";
import { createSync, type Sync } from "@shoal/node/sync/manager.ts";
import type { Random } from "@shoal/shared/base/random.ts";
import type { NativeApp } from "./apps.ts";
import { createDisk, type Disk, type DiskSpeed } from "./disk.ts";
import { createNodeClock, type Life } from "./node-clock.ts";
import { createSimExecutor } from "./sim-executor.ts";
import { createSimLog } from "./sim-log.ts";
import { SimNetwork, type Networks } from "./sim-network.ts";
import type { World } from "./world.ts";

/** What a node is made of while its process lives. */
export interface Running {
  readonly life: Life;
  readonly network: SimNetwork;
  readonly governance: Governance;
  readonly contexts: ContextClient;
  readonly replicas: ContextReplicas;
  readonly sync: Sync;
  /** Makes the node's own row of a context that its account may enter. */
  join(contextId: ContextId): Promise<void>;
  close(): Promise<void>;
}

export interface SimNodeInit {
  readonly index: number;
  readonly world: World;
  readonly random: Random;
  readonly networks: Networks;
  readonly speed: DiskSpeed;
  readonly skewMs: number;
  /** It lies: nothing is expected of it. */
  readonly hostile: boolean;
  readonly apps: ReadonlyMap<string, NativeApp>;
  readonly applications: readonly Application[];
  readonly hears: Hears;
}

/** What the simulation is told of a node. */
export interface Hears {
  error(node: SimNode, line: string): void;
  event(node: SimNode, event: NodeEvent): void;
  unlike(node: SimNode, what: string): void;
  run(node: SimNode, method: string, isRepeated: boolean): void;
  merge(node: SimNode, request: MergeRequest): void;
  committed(node: SimNode, delta: CommittedDelta): void;
  started(node: SimNode): void;
}

export class SimNode {
  readonly name: string;
  readonly peerId: PeerId;
  readonly account: KeyPair;
  readonly disk: Disk;
  /** Milliseconds that its wall clock is wrong by. */
  skewMs: number;
  readonly hostile: boolean;
  readonly #init: SimNodeInit;
  readonly #blocked = new Set<PeerId>();
  #life: Life = { name: "", alive: false };
  #processes = 0;
  #running: Running | undefined;

  constructor(init: SimNodeInit) {
    const { index, world, random } = init;
    this.#init = init;
    this.name = `n${index}`;
    this.peerId = `peer-${this.name}`;
    this.hostile = init.hostile;
    this.account = keyPairOf(random.child("account").bytes(32), "secret");
    this.disk = createDisk(world, random.child("disk"), init.speed);
    this.skewMs = init.skewMs;
  }

  /** Undefined while it is down, or starts. */
  get running(): Running | undefined {
    return this.#running;
  }

  get isDown(): boolean {
    return !this.#life.alive;
  }

  async start(): Promise<void> {
    if (!this.isDown) return;
    const life = { name: `${this.name}.${++this.#processes}`, alive: true };
    this.#life = life;
    let running;
    try {
      running = await this.#wire(life);
    } catch (thrown) {
      life.alive = false;
      throw thrown;
    }
    if (!life.alive) return;
    this.#running = running;
    this.#init.hears.started(this);
  }

  /** At once, with what was not synced; returns how many batches were lost. */
  crash(): number {
    this.#life.alive = false;
    this.#running?.network.die();
    this.#running = undefined;
    return this.disk.crash();
  }

  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await running?.close();
    this.#life.alive = false;
  }

  async #wire(life: Life): Promise<Running> {
    const { world, networks, apps, applications, hears } = this.#init;
    const random = this.#init.random.child(life.name);
    const clock = createNodeClock(world, life, () => this.skewMs);
    const log = createSimLog({
      note: (line) => world.trace.note(world.now, `${life.name} warns: ${line}`),
      onError: (line) => hears.error(this, line),
    });
    const store = this.disk.open(life);
    const events = createEventBus(log);
    events.subscribe((event) => hears.event(this, event));
    const catalogue = catalogueOf(applications);
    const executor = createSimExecutor({
      store,
      apps,
      clock,
      random: random.child("executor"),
      onUnlike: (what) => hears.unlike(this, what),
      onRun: (method, isRepeated) => hears.run(this, method, isRepeated),
      onMerge: (request) => hears.merge(this, request),
    });
    const common = { store, clock, random: random.child("node"), log, events, account: this.account };
    // Each needs the other; what is asked before both are there would be a fault of the wiring.
    const late: { sync?: Sync } = {};
    const governance = await createGovernance({
      ...common,
      applications: catalogue,
      updateContext: async () => undefined,
      joiner: { bring: (invitation) => joiner.bring(invitation) },
    });
    const { manager, replicas } = await startContexts({
      ...common,
      executor,
      applications: catalogue,
      aliases: createAliases(store),
      membership: governance,
      governance: governance.replica,
      syncing: {
        sync: async (id) => late.sync?.sync(id),
        status: (id) => late.sync?.status(id) ?? { syncState: "idle", failureCount: 0 },
      },
      limits: DEFAULT_LIMITS,
    });
    const network = new SimNetwork(networks, life, this.peerId, this.#blocked);
    const contexts = contextClient(manager);
    const sync = createSync({ ...common, network, contexts: replicas, governance: governance.replica });
    late.sync = sync;
    const joiner = createJoiner({ parts: sync.parts, sessions: sync.sessions });
    const join = async (contextId: ContextId): Promise<void> => {
      const groupId = governance.groupOf(contextId);
      const group = groupId === undefined ? undefined : governance.group(groupId).group;
      const context = group?.contexts.get(contextId);
      if (group === undefined || context === undefined) return;
      const { targetApplicationId: applicationId, targetVersion: version, id } = group;
      const service = context.service ?? "default";
      await contexts.joinContext({ contextId, applicationId, version, service, groupId: id });
    };
    replicas.onCommitted((delta) => hears.committed(this, delta));
    await sync.start();
    const unfollow = startFollowing({ governance: governance.replica, contexts: replicas, join, log });
    return {
      life,
      network,
      governance,
      contexts,
      replicas,
      sync,
      join,
      async close() {
        unfollow();
        await sync.close();
        await network.close();
        await manager.stop();
        await governance.close();
        await store.close();
      },
    };
  }
}

function catalogueOf(applications: readonly Application[]): Pick<Applications, "get" | "history"> {
  return {
    get: async (id, version) =>
      applications.findLast((one) => one.id === id && (version === undefined || one.version === version)),
    history: async (id) => applications.filter((one) => one.id === id).toReversed(),
  };
}
