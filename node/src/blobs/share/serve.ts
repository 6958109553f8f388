/**
 * Answers what a peer asks on a blob channel, whose account is proven. Each request is judged anew, so that who is removed
 * meanwhile gets no further batch. Channels, chunks in memory and the wait for a slow reader are bounded.
 */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import type { DurationMs } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import type { Applications } from "../../clients/node-client.ts";
import type { PublicKey } from "../../model/ids.ts";
import type { Channel, Network, PeerId } from "../../network/contract.ts";
import { decode, encode } from "../../sync/codec.ts";
import type { BlobStore } from "../blobs.ts";
import type { BlobAccess } from "./access.ts";
import {
  type ApplicationRequest,
  type BlobRequest,
  CHUNK_WITHIN,
  type ChunksRequest,
  manifestCodec,
  recordCodec,
  REQUEST_MAX_BYTES,
  REQUEST_WITHIN,
  type Request,
  requestCodecs,
  REQUESTS,
  SHARED_MAX_BYTES,
  type Status,
  STATUSES,
} from "./wire.ts";

/** Channels that are served at a time, in all and to one peer; each has a chunk in memory. */
const CHANNELS_MAX = 64;
export const CHANNELS_PER_PEER = 8;

export interface BlobServerParts {
  readonly blobs: Pick<BlobStore, "manifest" | "chunk" | "pin">;
  readonly access: BlobAccess;
  readonly applications: Pick<Applications, "history">;
  readonly network: Pick<Network, "report">;
  readonly clock: Clock;
}

/** Serves one channel until the asker closes it; rejects with what ends it (see `Channel`). */
export type ServeBlob = (channel: Channel, account: PublicKey) => Promise<void>;

export function createBlobServer(parts: BlobServerParts): ServeBlob {
  const channels = new Map<PeerId, number>();
  const count = (): number => [...channels.values()].reduce((sum, of) => sum + of, 0);

  return async (channel, account) => {
    const own = channels.get(channel.peer) ?? 0;
    if (own >= CHANNELS_PER_PEER || count() >= CHANNELS_MAX)
      return sendWithin(parts.clock, channel, statusFrame("busy"));
    channels.set(channel.peer, own + 1);
    try {
      for (;;) {
        const frame = await channel.receive(REQUEST_WITHIN);
        if (frame === undefined) return;
        await answer({ ...parts, channel, account }, requestOf(frame));
      }
    } finally {
      const left = (channels.get(channel.peer) ?? 1) - 1;
      if (left === 0) channels.delete(channel.peer);
      else channels.set(channel.peer, left);
    }
  };
}

type Conversation = BlobServerParts & {
  readonly channel: Channel;
  readonly account: PublicKey;
};

function requestOf(frame: Uint8Array): Request {
  if (frame.length > REQUEST_MAX_BYTES) throw new ShoalError("payload_too_large", "a request is small");
  const type = REQUESTS[frame[0] ?? REQUESTS.length];
  if (type === undefined) throw new ShoalError("invalid_argument", "nothing is asked by that number");
  const body = frame.subarray(1);
  switch (type) {
    case "manifest":
      return { type, ...decode(requestCodecs.manifest, body) };
    case "chunks":
      return { type, ...decode(requestCodecs.chunks, body) };
    case "application":
      return { type, ...decode(requestCodecs.application, body) };
  }
}

async function answer(talk: Conversation, request: Request): Promise<void> {
  const { clock, channel, account, access } = talk;
  if (!(await access.mayHave(account, request.scope, request.blobId))) {
    // Members ask each other for what only some of them hold. Who is no member may have become one a moment ago, of which this
    // node has not heard: it is refused, and nothing is held against it.
    if (access.isInside(account, request.scope)) return sendWithin(clock, channel, statusFrame("missing"));
    return sendWithin(clock, channel, statusFrame("refused"));
  }
  switch (request.type) {
    case "manifest":
      return manifest(talk, request);
    case "chunks":
      return chunks(talk, request);
    case "application":
      return application(talk, request);
  }
}

async function manifest({ blobs, clock, channel }: Conversation, { blobId }: BlobRequest): Promise<void> {
  const held = blobs.manifest(blobId);
  if (held === undefined || held.size > SHARED_MAX_BYTES) return sendWithin(clock, channel, statusFrame("missing"));
  await sendWithin(clock, channel, statusFrame("ok", encode(manifestCodec, held)));
}

async function chunks({ blobs, clock, channel }: Conversation, request: ChunksRequest): Promise<void> {
  using _pinned = await blobs.pin(request.blobId);
  const held = blobs.manifest(request.blobId);
  for (const at of request.chunks) {
    const id = held?.chunks[at];
    if (id === undefined) {
      await sendWithin(clock, channel, statusFrame("missing"));
      return;
    }
    // A chunk that is damaged here is one that this node does not hold.
    const content = await blobs.chunk(id).catch(() => undefined);
    await sendWithin(clock, channel, content === undefined ? statusFrame("missing") : statusFrame("ok", content));
    if (content === undefined) return;
  }
}

async function application(talk: Conversation, request: ApplicationRequest): Promise<void> {
  const { applications, access, clock, channel } = talk;
  const versions = (await access.runs(request.scope, request.applicationId))
    ? await applications.history(request.applicationId)
    : [];
  const version = versions.find(({ blob }) => blob === request.blobId);
  if (version === undefined) return sendWithin(clock, channel, statusFrame("missing"));
  await sendWithin(clock, channel, statusFrame("ok", encode(recordCodec, version)));
}

export function statusFrame(status: Status, body: Uint8Array = new Uint8Array()): Uint8Array {
  const frame = new Uint8Array(1 + body.length);
  frame[0] = STATUSES.indexOf(status);
  frame.set(body, 1);
  return frame;
}

/** Ends the channel where the peer does not take what it asked for. */
async function sendWithin(clock: Clock, channel: Channel, frame: Uint8Array, within: DurationMs = CHUNK_WITHIN) {
  const sent = new AbortController();
  const late = clock.sleep(within, sent.signal).then(
    () => {
      channel.abort();
      throw new ShoalError("deadline_exceeded", `the peer took nothing for ${within} ms`);
    },
    () => undefined,
  );
  try {
    await Promise.race([channel.send(frame), late]);
  } finally {
    sent.abort();
  }
}
