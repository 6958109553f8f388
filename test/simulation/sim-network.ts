/** The node's `Network` port on the fabric: connections, channels, and gossip that is passed on from peer to peer. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { MAX_GOSSIP } from "@shoal/node/network/contract.ts";
import type {
  Channel,
  Fault,
  Gossip,
  GossipVerdict,
  Network,
  NetworkStatus,
  PeerEvent,
  PeerId,
  PeerInfo,
} from "@shoal/node/network/contract.ts";
import type { DurationMs } from "@shoal/shared/base/time.ts";
import type { Fabric, Port } from "./fabric.ts";
import type { Life } from "./node-clock.ts";
import { PipeEnd, type Tamper } from "./pipe.ts";

/** Peers that a message is passed on to at each hop; with fewer, to all. */
const MESH = 6;
/** Messages that a node remembers, so that it passes none on twice. */
const SEEN = 2000;

export interface Blame {
  readonly by: PeerId;
  readonly peer: PeerId;
  readonly fault: Fault;
  readonly detail: string;
}

/** All networks of one simulation, by peer id; gone ones are taken out. */
export interface Networks {
  readonly fabric: Fabric;
  readonly ends: Map<PeerId, SimNetwork>;
  /** What a hostile node makes of what it sends. */
  tamperOf(peer: PeerId): Tamper | undefined;
  onBlame(blame: Blame): void;
  /** What a node was about to say to all of a topic, before anything happens to it. */
  onPublish(peer: PeerId, topic: string, payload: Uint8Array): void;
}

interface Message {
  readonly id: string;
  readonly topic: string;
  readonly payload: Uint8Array;
  /** Heard once more, long after: that is not done twice, or it would never end. */
  readonly isEcho?: boolean;
}

export class SimNetwork implements Network, Port {
  readonly self: PeerId;
  readonly #life: Life;
  readonly #all: Networks;
  readonly #topics = new Set<string>();
  /** Topics of connected peers, as they told. */
  readonly #peers = new Map<PeerId, { readonly info: PeerInfo; readonly topics: Set<string> }>();
  readonly #blocked: Set<PeerId>;
  readonly #listeners = new Set<(event: PeerEvent) => void>();
  readonly #handlers = new Map<string, (channel: Channel) => Promise<void>>();
  readonly #pipes = new Set<PipeEnd>();
  readonly #seen = new Set<string>();
  #judge: ((message: Gossip) => Promise<GossipVerdict>) | undefined;
  #published = 0;

  /** `blocked`: outlives the process. */
  constructor(all: Networks, life: Life, self: PeerId, blocked: Set<PeerId>) {
    this.self = self;
    this.#all = all;
    this.#life = life;
    this.#blocked = blocked;
    all.ends.set(self, this);
    all.fabric.attach(this);
  }

  get peerId(): PeerId {
    return this.self;
  }

  get alive(): boolean {
    return this.#life.alive;
  }

  /** The process is gone: nothing that waits here is ever answered. */
  die(): void {
    for (const pipe of this.#pipes) pipe.forsake();
    this.#all.ends.delete(this.self);
    this.#all.fabric.detach(this.self);
  }

  peers(): readonly PeerInfo[] {
    return [...this.#peers.values()].map(({ info }) => info);
  }

  subscribers(topic: string): readonly PeerId[] {
    return [...this.#peers].filter(([, { topics }]) => topics.has(topic)).map(([peer]) => peer);
  }

  async subscribe(topic: string): Promise<void> {
    if (this.#topics.has(topic)) return;
    this.#topics.add(topic);
    for (const peer of this.#peers.keys()) this.#tell(peer, topic, "subscribed");
  }

  async unsubscribe(topic: string): Promise<void> {
    if (!this.#topics.delete(topic)) return;
    for (const peer of this.#peers.keys()) this.#tell(peer, topic, "unsubscribed");
  }

  async publish(topic: string, payload: Uint8Array): Promise<number> {
    if (payload.length > MAX_GOSSIP)
      throw new ShoalError("payload_too_large", `gossip has at most ${MAX_GOSSIP} bytes`);
    this.#all.onPublish(this.self, topic, payload);
    const id = `${this.self}/${this.#life.name}/${this.#published++}`;
    const altered = this.#all.tamperOf(this.self)?.(payload) ?? [payload];
    let count = 0;
    for (const [at, one] of altered.entries()) {
      count = this.#forward({ id: `${id}/${at}`, topic, payload: one.slice() }, undefined);
    }
    return count;
  }

  onGossip(judge: (message: Gossip) => Promise<GossipVerdict>): void {
    this.#judge = judge;
  }

  async open(peer: PeerId, protocol: string, within: DurationMs): Promise<Channel> {
    const { fabric, ends } = this.#all;
    if (!fabric.isConnected(this.self, peer)) throw new ShoalError("unavailable", `${peer} is not connected`);
    const deadline = fabric.world.now + within;
    await this.#wait(fabric.delay(this.self, peer) + fabric.delay(peer, this.self), `opens a channel to ${peer}`);
    const far = ends.get(peer);
    if (!fabric.passes(this.self, peer) || !fabric.passes(peer, this.self)) {
      await this.#wait(deadline - fabric.world.now, `gives up on ${peer}`);
      throw new ShoalError("deadline_exceeded", `${peer} did not answer in time`);
    }
    const serve = far?.handlerOf(protocol);
    if (far === undefined || serve === undefined || !fabric.isConnected(this.self, peer)) {
      throw new ShoalError("unavailable", `${peer} cannot be reached, or does not speak ${protocol}`);
    }
    const [near, other] = PipeEnd.pair(fabric, this.self, peer, (end) => this.#all.tamperOf(end));
    this.#pipes.add(near);
    far.serve(other, serve);
    return near;
  }

  handle(protocol: string, serve: (channel: Channel) => Promise<void>): void {
    this.#handlers.set(protocol, serve);
  }

  onPeer(listener: (event: PeerEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async dial(address: string, within: DurationMs): Promise<PeerId> {
    const peer = address.slice(address.lastIndexOf("/") + 1);
    await this.#wait(Math.min(within, 2 * this.#all.fabric.delay(this.self, peer)), `dials ${peer}`);
    if (await this.#all.fabric.connect(this.self, peer)) return peer;
    throw new ShoalError("unavailable", `${peer} cannot be reached`);
  }

  report(peer: PeerId, fault: Fault, detail: string): void {
    this.#all.fabric.world.trace.note(this.#all.fabric.world.now, `${this.self} blames ${peer}: ${fault}, ${detail}`);
    this.#all.onBlame({ by: this.self, peer, fault, detail });
  }

  async block(peer: PeerId): Promise<void> {
    this.#blocked.add(peer);
    this.#all.fabric.disconnect(this.self, peer);
  }

  async unblock(peer: PeerId): Promise<void> {
    this.#blocked.delete(peer);
  }

  status(): NetworkStatus {
    return {
      peerId: this.self,
      listening: [`/sim/${this.self}`],
      peers: this.#peers.size,
      topics: [...this.#topics],
      blocked: [...this.#blocked],
      reachability: "public",
      relays: [],
    };
  }

  async close(): Promise<void> {
    for (const pipe of this.#pipes) pipe.abort();
    this.#all.ends.delete(this.self);
    this.#all.fabric.detach(this.self);
  }

  admits(peer: PeerId): boolean {
    return !this.#blocked.has(peer);
  }

  connected(peer: PeerId, direction: "inbound" | "outbound"): void {
    const connectedAtMs = this.#all.fabric.world.now;
    const info: PeerInfo = {
      peerId: peer,
      addresses: [`/sim/${peer}`],
      direction,
      connectedAtMs,
      score: 0,
      relayed: false,
    };
    this.#peers.set(peer, { info, topics: new Set() });
    this.#emit({ type: "connected", peer });
    for (const topic of this.#topics) this.#tell(peer, topic, "subscribed");
  }

  disconnected(peer: PeerId): void {
    for (const pipe of this.#pipes) {
      if (pipe.peer !== peer) continue;
      pipe.break();
      this.#pipes.delete(pipe);
    }
    this.#peers.delete(peer);
    this.#emit({ type: "disconnected", peer });
  }

  handlerOf(protocol: string): ((channel: Channel) => Promise<void>) | undefined {
    return this.#handlers.get(protocol);
  }

  serve(pipe: PipeEnd, handler: (channel: Channel) => Promise<void>): void {
    this.#pipes.add(pipe);
    void handler(pipe)
      .then(
        () => pipe.close(),
        (thrown: unknown) => {
          this.#all.fabric.world.trace.note(
            this.#all.fabric.world.now,
            `${this.self} ends a channel: ${String(thrown)}`,
          );
          pipe.abort();
        },
      )
      .finally(() => this.#pipes.delete(pipe));
  }

  hearTopic(peer: PeerId, topic: string, type: "subscribed" | "unsubscribed"): void {
    const known = this.#peers.get(peer);
    if (known === undefined) return;
    if (type === "subscribed") known.topics.add(topic);
    else known.topics.delete(topic);
    this.#emit({ type, peer, topic });
  }

  async hear(message: Message, from: PeerId): Promise<void> {
    if (!this.#peers.has(from) || !this.#topics.has(message.topic) || this.#seen.has(message.id)) return;
    this.#remember(message.id);
    const verdict = await this.#judge?.({ topic: message.topic, from, payload: message.payload.slice() });
    if (verdict === "accept") this.#forward(message, from);
    if (verdict === "reject") this.#all.onBlame({ by: this.self, peer: from, fault: "forged", detail: "gossip" });
  }

  #remember(id: string): void {
    this.#seen.add(id);
    if (this.#seen.size <= SEEN) return;
    const [oldest] = this.#seen;
    if (oldest !== undefined) this.#seen.delete(oldest);
  }

  #forward(message: Message, from: PeerId | undefined): number {
    this.#remember(message.id);
    const { fabric } = this.#all;
    const targets = this.subscribers(message.topic).filter((peer) => peer !== from);
    while (targets.length > MESH) targets.splice(fabric.choose(targets.length), 1);
    for (const peer of targets) {
      const { loss, duplication } = fabric.qualityBetween(this.self, peer);
      if (!fabric.chance(loss)) this.#pass(message, peer, 0);
      // Longer after than anybody remembers it: it is heard once more.
      if (message.isEcho !== true && fabric.chance(duplication)) {
        this.#pass({ ...message, id: `${message.id}+`, isEcho: true }, peer, fabric.choose(20_000));
      }
    }
    return targets.length;
  }

  #pass(message: Message, peer: PeerId, laterMs: number): void {
    const { fabric, ends } = this.#all;
    const what = `${this.self} tells ${peer} ${message.payload.length} bytes`;
    fabric.world.after(laterMs + fabric.delay(this.self, peer), what, () => {
      if (fabric.passes(this.self, peer)) void ends.get(peer)?.hear(message, this.self);
    });
  }

  #tell(peer: PeerId, topic: string, type: "subscribed" | "unsubscribed"): void {
    const { fabric, ends } = this.#all;
    fabric.world.after(fabric.delay(this.self, peer), `${this.self} ${type} ${topic}, tells ${peer}`, () => {
      if (fabric.passes(this.self, peer)) ends.get(peer)?.hearTopic(this.self, topic, type);
    });
  }

  #emit(event: PeerEvent): void {
    if (!this.#life.alive) return;
    for (const listener of this.#listeners) listener(event);
  }

  #wait(delayMs: number, what: string): Promise<void> {
    return new Promise((resolve) => {
      this.#all.fabric.world.after(delayMs, `${this.self} ${what}`, () => void (this.#life.alive && resolve()));
    });
  }
}
