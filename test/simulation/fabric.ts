/**
 * The wires between nodes: who is connected to whom, and what becomes of a message on its way. A cut loses datagrams at once
 * and is noticed by both ends only after a while, as it is with TCP; a channel on it stalls until then.
 */
import { below, type Random } from "@shoal/shared/base/random.ts";
import type { PeerId } from "@shoal/node/network/contract.ts";
import type { World } from "./world.ts";

export interface LinkQuality {
  /** Least latency of one way, and the mean of what is added to it, milliseconds. */
  readonly latencyMs: number;
  readonly jitterMs: number;
  /** Share of gossip that is lost, and of gossip that comes once more later, per hop. */
  readonly loss: number;
  readonly duplication: number;
  /** Share of channel frames at which the channel breaks. */
  readonly breakage: number;
}

/** What the fabric tells an end of. */
export interface Port {
  readonly peerId: PeerId;
  readonly alive: boolean;
  connected(peer: PeerId, direction: "inbound" | "outbound"): void;
  disconnected(peer: PeerId): void;
  /** Whether it takes a connection from the peer: not from one that it blocks. */
  admits(peer: PeerId): boolean;
}

/** How long a cut goes unnoticed, and how long ends take to find each other, milliseconds at most. */
const NOTICED_WITHIN = 4000;
const FOUND_WITHIN = 1500;

export class Fabric {
  readonly world: World;
  readonly #random: Random;
  readonly #ports = new Map<PeerId, Port>();
  /** `from>to` of ways on which nothing passes. */
  readonly #cut = new Set<string>();
  readonly #connected = new Set<string>();
  readonly #quality = new Map<PeerId, LinkQuality>();
  /** Who looks for whom: pairs that shall be connected. */
  readonly #wanted = new Set<string>();
  quality: LinkQuality;
  /** Told of what a wire does to those at its ends. */
  onTrouble: (what: "channel broke" | "cut noticed") => void = () => undefined;

  constructor(world: World, random: Random, quality: LinkQuality) {
    this.world = world;
    this.#random = random;
    this.quality = quality;
  }

  attach(port: Port): void {
    // A new process knows nothing of the connections of the one before.
    for (const other of this.neighbours(port.peerId)) this.disconnect(port.peerId, other);
    this.#ports.set(port.peerId, port);
    for (const pair of this.#wanted) {
      const [a, b] = ends(pair);
      if (a === port.peerId || b === port.peerId) this.#look(a, b);
    }
  }

  /** The end is gone: others notice after a while, and nothing more arrives. */
  detach(peer: PeerId): void {
    this.#ports.delete(peer);
    for (const pair of this.#connected) {
      const [a, b] = ends(pair);
      if (a === peer || b === peer) this.#drop(a, b);
    }
  }

  /** The two shall be connected whenever they can. */
  want(a: PeerId, b: PeerId): void {
    this.#wanted.add(pairOf(a, b));
    this.#look(a, b);
  }

  /** Makes one end slow, or as good as the others again. */
  setQuality(peer: PeerId, quality: LinkQuality | undefined): void {
    if (quality === undefined) this.#quality.delete(peer);
    else this.#quality.set(peer, quality);
  }

  cut(from: PeerId, to: PeerId): void {
    this.#cut.add(`${from}>${to}`);
    if (this.isConnected(from, to)) this.#drop(from, to);
  }

  healAll(): void {
    this.#cut.clear();
    for (const pair of this.#wanted) this.#look(...ends(pair));
  }

  passes(from: PeerId, to: PeerId): boolean {
    return !this.#cut.has(`${from}>${to}`) && this.#ports.has(to);
  }

  isConnected(a: PeerId, b: PeerId): boolean {
    return this.#connected.has(pairOf(a, b));
  }

  /** Those that `peer` is connected to, in a fixed order. */
  neighbours(peer: PeerId): readonly PeerId[] {
    const found: PeerId[] = [];
    for (const pair of this.#connected) {
      const [a, b] = ends(pair);
      if (a === peer) found.push(b);
      else if (b === peer) found.push(a);
    }
    return found.sort();
  }

  qualityBetween(from: PeerId, to: PeerId): LinkQuality {
    return this.#quality.get(from) ?? this.#quality.get(to) ?? this.quality;
  }

  delay(from: PeerId, to: PeerId): number {
    const { latencyMs, jitterMs } = this.qualityBetween(from, to);
    return latencyMs - jitterMs * Math.log(1 - this.#random.next());
  }

  chance(share: number): boolean {
    return share > 0 && this.#random.next() < share;
  }

  choose(bound: number): number {
    return below(this.#random, bound);
  }

  /** Ends a connection that both ends know of, at once. */
  disconnect(a: PeerId, b: PeerId): void {
    if (!this.#connected.delete(pairOf(a, b))) return;
    this.#ports.get(a)?.disconnected(b);
    this.#ports.get(b)?.disconnected(a);
    if (this.#wanted.has(pairOf(a, b))) this.#look(a, b);
  }

  /** Resolves whether the two are connected then. */
  async connect(a: PeerId, b: PeerId): Promise<boolean> {
    if (this.isConnected(a, b)) return true;
    const [from, to] = [this.#ports.get(a), this.#ports.get(b)];
    if (from === undefined || to === undefined || !this.passes(a, b) || !this.passes(b, a)) return false;
    if (!from.admits(b) || !to.admits(a)) return false;
    this.#connected.add(pairOf(a, b));
    this.world.trace.note(this.world.now, `${a} and ${b} are connected`);
    from.connected(b, "outbound");
    to.connected(a, "inbound");
    return true;
  }

  #look(a: PeerId, b: PeerId): void {
    this.world.after(this.#random.next() * FOUND_WITHIN, `${a} looks for ${b}`, () => {
      void this.connect(a, b);
    });
  }

  #drop(a: PeerId, b: PeerId): void {
    this.world.after(this.#random.next() * NOTICED_WITHIN, `${a} misses ${b}`, () => {
      if ((this.passes(a, b) && this.passes(b, a)) || !this.isConnected(a, b)) return;
      this.onTrouble("cut noticed");
      this.disconnect(a, b);
    });
  }
}

const pairOf = (a: PeerId, b: PeerId): string => (a < b ? `${a}|${b}` : `${b}|${a}`);
const ends = (pair: string): [PeerId, PeerId] => pair.split("|") as [PeerId, PeerId];
