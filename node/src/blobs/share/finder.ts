/**
 * Finds blobs among peers: asks them in the order given, a few at once, and takes chunks from all that have them. One fetch for
 * each blob and scope, whoever asks; a few blobs at a time. What a peer does wrong is held against it, and the next is asked.
 */
import { messageOf, ShoalError } from "@shoal/shared/base/errors.ts";
import type { Log } from "@shoal/shared/base/log.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { BlobFinder, BlobInfo } from "../../clients/node-client.ts";
import type { ApplicationId, BlobId, PublicKey } from "../../model/ids.ts";
import type { Channel, Fault, Network, PeerId } from "../../network/contract.ts";
import type { BlobStore } from "../blobs.ts";
import type { BlobAccess } from "./access.ts";
import { askApplication, askManifest, fetchBlob } from "./ask.ts";
import { createGate } from "./gate.ts";
import { Transfer } from "./transfer.ts";
import { type ApplicationRecord, type BlobRequest, type Scope, scopeName, type SharedManifest } from "./wire.ts";

/** Peers that one blob is asked of, and fetched from, at a time. */
const LANES = 3;
/** Blobs that are fetched at a time; the rest wait in line. */
const BLOBS_AT_ONCE = 4;
const BLOBS_IN_LINE = 256;
/** Peers are gone through again while that brings anything. */
const ROUNDS = 5;

/** A channel on which both sides have proven their accounts. */
export interface BlobChannel {
  readonly channel: Channel;
  readonly account: PublicKey;
}

export interface BlobFinderParts {
  readonly blobs: Pick<BlobStore, "info" | "pin" | "incoming" | "share">;
  readonly access: Pick<BlobAccess, "isInside">;
  /** Whom to ask for what belongs to a context or namespace, the most promising first. */
  readonly peers: (scope: Scope) => readonly PeerId[];
  /** A fresh channel; rejects where the peer is not there or proves nothing, having held it against the peer itself. */
  readonly open: (peer: PeerId) => Promise<BlobChannel>;
  readonly network: Pick<Network, "report">;
  readonly clock: Clock;
  readonly log: Log;
}

export interface PeerBlobs extends BlobFinder {
  /** The blob, pinned; undefined where nobody that can be asked has it. */
  fetch(blobId: BlobId, scope: Scope): Promise<(BlobInfo & Disposable) | undefined>;
  /** Of the first peer whose record `isTrue`; undefined where nobody has one. */
  record(
    request: BlobRequest & { readonly applicationId: ApplicationId },
    isTrue: (record: ApplicationRecord) => boolean,
  ): Promise<ApplicationRecord | undefined>;
}

export function createBlobFinder(parts: BlobFinderParts): PeerBlobs {
  const { blobs } = parts;
  const gate = createGate(BLOBS_AT_ONCE, BLOBS_IN_LINE);
  const fetching = new Map<string, Promise<boolean>>();

  const once = (request: BlobRequest): Promise<boolean> => {
    const name = `${scopeName(request.scope)}/${request.blobId}`;
    const running = fetching.get(name);
    if (running !== undefined) return running;
    const started = gate.run(() => fetchFromPeers(parts, request)).finally(() => fetching.delete(name));
    fetching.set(name, started);
    return started;
  };

  const fetch: PeerBlobs["fetch"] = async (blobId, scope) => {
    // Held from before the fetch: what comes with it lasts until it is referred to.
    using pins = new DisposableStack();
    pins.use(await blobs.pin(blobId));
    const here = await blobs.info(blobId);
    if (here === undefined && !(await once({ blobId, scope }))) return undefined;
    const info = here ?? (await blobs.info(blobId));
    if (info === undefined) return undefined;
    const kept = pins.move();
    return { ...info, [Symbol.dispose]: () => kept.dispose() };
  };

  return {
    fetch,
    async find(blobId, contextId) {
      using found = await fetch(blobId, { type: "context", contextId });
      if (found === undefined) return false;
      await blobs.share(blobId, contextId);
      return true;
    },
    async record(request, isTrue) {
      for (const peer of parts.peers(request.scope)) {
        const said = await onChannel(parts, peer, request, async (channel) => {
          const answer = await askApplication(channel, request);
          if (typeof answer === "string" || isTrue(answer)) return answer;
          throw new ShoalError("invalid_argument", "the application's record does not make up its id");
        });
        if (said !== undefined && typeof said !== "string") return said;
      }
      return undefined;
    },
  };
}

/** What goes on while one blob comes in. */
interface Fetch {
  readonly parts: BlobFinderParts;
  readonly request: BlobRequest;
  transfer: Promise<Transfer> | undefined;
  /** Chunks that came; a round that adds none is the last. */
  came: number;
  /** Peers that gave what is not the blob. */
  readonly liars: Set<PeerId>;
  /** What is wrong with the blob itself, or with this node's disk: nobody else need be asked. */
  hopeless: ShoalError | undefined;
}

async function fetchFromPeers(parts: BlobFinderParts, request: BlobRequest): Promise<boolean> {
  const state: Fetch = { parts, request, transfer: undefined, came: 0, liars: new Set(), hopeless: undefined };
  try {
    for (let round = 0, before = -1; round < ROUNDS && before < state.came; round++) {
      before = state.came;
      const queue = parts.peers(request.scope).filter((peer) => !state.liars.has(peer));
      await Promise.all(Array.from({ length: LANES }, () => lane(state, queue)));
      if (state.hopeless !== undefined) throw state.hopeless;
      const transfer = await state.transfer;
      if (transfer === undefined) return false;
      if (!transfer.isWhole) continue;
      using _kept = await transfer.finish();
      return true;
    }
    return false;
  } finally {
    (await state.transfer?.catch(() => undefined))?.[Symbol.dispose]();
  }
}

/** Asks one peer after another until the blob is whole. */
async function lane(state: Fetch, queue: PeerId[]): Promise<void> {
  for (let peer = queue.shift(); peer !== undefined; peer = queue.shift()) {
    if (state.hopeless !== undefined || (await state.transfer)?.isWhole === true) return;
    await onChannel(state.parts, peer, state.request, async (channel) => {
      try {
        await fromPeer(state, channel);
      } catch (thrown) {
        if (thrown instanceof ShoalError && thrown.code === "invalid_argument") state.liars.add(peer);
        throw thrown;
      }
    });
  }
}

async function fromPeer(state: Fetch, channel: Channel): Promise<void> {
  const { parts, request } = state;
  const manifest = await askManifest(channel, request);
  if (typeof manifest === "string") return;
  const transfer = await opened(state, manifest);
  for (let chunks = await transfer.take(); chunks.length > 0; chunks = await transfer.take()) {
    try {
      if (state.hopeless !== undefined) return;
      const keep = async (at: number, bytes: Uint8Array): Promise<void> => {
        await keepChunk(state, transfer, at, bytes);
        state.came += 1;
      };
      const status = await fetchBlob(channel, { ...request, manifest, chunks, keep }, parts.clock);
      if (status !== "ok") return;
    } finally {
      transfer.giveBack(chunks);
    }
  }
}

/** The first manifest opens it: all true ones name the same chunks. */
function opened(state: Fetch, manifest: SharedManifest): Promise<Transfer> {
  state.transfer ??= Transfer.open(state.parts.blobs, state.request.blobId, manifest);
  return state.transfer;
}

async function keepChunk(state: Fetch, transfer: Transfer, at: number, bytes: Uint8Array): Promise<void> {
  try {
    await transfer.put(at, bytes);
  } catch (thrown) {
    if (thrown instanceof ShoalError && thrown.code === "invalid_argument") throw thrown;
    state.hopeless =
      thrown instanceof ShoalError ? thrown : new ShoalError("internal", messageOf(thrown), { cause: thrown });
    // By this code no peer is blamed for it.
    throw new ShoalError("internal", "a chunk could not be kept", { cause: thrown });
  }
}

/** Runs `ask` on a channel to a peer that has to do with the scope; undefined where that fails, which the peer answers for. */
async function onChannel<T>(
  { open, access, network, log }: BlobFinderParts,
  peer: PeerId,
  { scope, blobId }: BlobRequest,
  ask: (channel: Channel) => Promise<T>,
): Promise<T | undefined> {
  let opened: BlobChannel;
  try {
    opened = await open(peer);
  } catch (thrown) {
    log.debug({ peer, reason: messageOf(thrown) }, "a peer could not be asked for a blob");
    return undefined;
  }
  const { channel, account } = opened;
  try {
    if (!access.isInside(account, scope)) return undefined;
    return await ask(channel);
  } catch (thrown) {
    channel.abort();
    const fault = thrown instanceof ShoalError ? FAULTS[thrown.code] : undefined;
    if (fault !== undefined) network.report(peer, fault, `blob ${blobId}: ${messageOf(thrown)}`);
    else log.warn({ err: thrown, blob: blobId }, "a blob could not be fetched");
    return undefined;
  } finally {
    await channel.close().catch(() => undefined);
  }
}

const FAULTS: Partial<Record<ShoalError["code"], Fault>> = {
  invalid_argument: "forged",
  payload_too_large: "oversized",
  deadline_exceeded: "slow",
  unavailable: "broken",
};
