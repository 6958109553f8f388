/** Nodes with real blob stores, whose blob channels meet in memory; who may read what is a table. */
import { createBlobAccess } from "@shoal/node/blobs/share/access.ts";
import { createBlobFinder, type PeerBlobs } from "@shoal/node/blobs/share/finder.ts";
import { createBlobServer, type ServeBlob } from "@shoal/node/blobs/share/serve.ts";
import type { Applications } from "@shoal/node/clients/node-client.ts";
import type { BlobStoreOptions } from "@shoal/node/blobs/blobs.ts";
import type { ApplicationId, ContextId, GroupId, PublicKey } from "@shoal/node/model/ids.ts";
import type { Channel, Fault, PeerId } from "@shoal/node/network/contract.ts";
import { base58 } from "@scure/base";
import { silentLog } from "@shoal/shared/base/log.ts";
import { seeded } from "@shoal/shared/base/random.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { channelPair } from "../../../../support/channel-pair.ts";
import { systemClock } from "../../../../support/clock.ts";
import { temporaryDirectory } from "../../storage/directory.ts";
import { openBlobs, type OpenBlobs } from "../open-blobs.ts";

const random = seeded(7);
export const newKey = (): PublicKey => base58.encode(random.bytes(32)) as PublicKey;
export const CONTEXT = newKey() as unknown as ContextId;
export const NAMESPACE = "ab".repeat(32) as GroupId;

/** Who is what; both sides of a channel read the same table. */
export class Roll {
  readonly readers = new Set<PublicKey>();
  readonly members = new Set<PublicKey>();
  readonly applications: ApplicationId[] = [];

  readonly governance = {
    rightNow: (contextId: ContextId, who: PublicKey) =>
      contextId === CONTEXT && this.readers.has(who) ? ("read" as const) : ("none" as const),
    belongs: (namespaceId: GroupId, who: PublicKey) => namespaceId === NAMESPACE && this.members.has(who),
    namespaceOf: (contextId: ContextId) => (contextId === CONTEXT ? NAMESPACE : undefined),
  };
}

export interface Reported {
  readonly peer: PeerId;
  readonly fault: Fault;
}

export interface Peer extends OpenBlobs {
  readonly id: PeerId;
  readonly account: PublicKey;
  readonly finder: PeerBlobs;
  readonly serve: ServeBlob;
  readonly reported: Reported[];
}

/** What stands at the other end of a channel: the account it has proven, and what it does. */
export interface Far {
  readonly account: PublicKey;
  readonly serve: (channel: Channel, asker: PublicKey) => Promise<void>;
}

export class Mesh {
  readonly roll = new Roll();
  readonly #far = new Map<PeerId, Far>();
  /** Channels that were opened, by whom they lead to. */
  readonly opened: PeerId[] = [];
  /** Frames that were sent or received. */
  frames = 0;
  #count = 0;

  readonly #clock: Clock;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** A node in the mesh, a reader of the context and one of the namespace. */
  async join(
    options: {
      readonly blobs?: Partial<BlobStoreOptions>;
      readonly path?: string;
      /** A store that is open already, in place of a new one. */
      readonly open?: OpenBlobs;
      readonly applications?: Pick<Applications, "history">;
    } = {},
  ): Promise<Peer> {
    const id = `peer-${(this.#count += 1)}`;
    const account = newKey();
    const open = options.open ?? (await openBlobs(options.path ?? temporaryDirectory(), options.blobs));
    const reported: Reported[] = [];
    const network = { report: (peer: PeerId, fault: Fault) => void reported.push({ peer, fault }) };
    const applications = options.applications ?? { history: () => Promise.resolve([]) };
    const access = createBlobAccess({
      governance: this.roll.governance,
      blobs: open.blobs,
      applications,
      applicationsOf: () => Promise.resolve(this.roll.applications),
    });
    const parts = { blobs: open.blobs, access, network, clock: this.#clock, log: silentLog };
    const finder = createBlobFinder({
      ...parts,
      peers: () => [...this.#far.keys()].filter((peer) => peer !== id),
      open: async (peer) => this.#open(id, account, peer),
    });
    const serve = createBlobServer({ ...parts, applications });
    this.roll.readers.add(account);
    this.roll.members.add(account);
    this.#far.set(id, { account, serve });
    return { ...open, id, account, finder, serve, reported };
  }

  /** Somebody who keeps to no rule. */
  intrude(id: PeerId, serve: Far["serve"]): PublicKey {
    const account = newKey();
    this.roll.readers.add(account);
    this.roll.members.add(account);
    this.#far.set(id, { account, serve });
    return account;
  }

  leave(id: PeerId): void {
    this.#far.delete(id);
  }

  /** The asker's end of a channel that `peer` serves. */
  channelTo(peer: PeerId, from: PeerId, account: PublicKey): Channel {
    const far = this.#far.get(peer);
    if (far === undefined) throw new Error(`${peer} is not there`);
    const [near, other] = channelPair({ clock: this.#clock, ends: [from, peer], onFrame: () => (this.frames += 1) });
    // As the network does: what a handler throws ends its channel.
    void far.serve(other, account).then(
      () => other.close(),
      () => other.abort(),
    );
    return near;
  }

  #open(from: PeerId, account: PublicKey, peer: PeerId): { channel: Channel; account: PublicKey } {
    this.opened.push(peer);
    const far = this.#far.get(peer);
    if (far === undefined) throw new Error(`${peer} is not there`);
    return { channel: this.channelTo(peer, from, account), account: far.account };
  }
}
