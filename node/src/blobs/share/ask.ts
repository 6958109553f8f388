/** The asker's side of a blob channel: one question at a time, and nothing of an answer is believed before it is verified. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { milliseconds, type DurationMs } from "@shoal/shared/base/time.ts";
import type { Clock } from "@shoal/shared/ports/clock.ts";
import { bytesOf } from "../../model/ids.ts";
import type { Channel } from "../../network/contract.ts";
import { decode, encode } from "../../sync/codec.ts";
import { CHUNK_BYTES } from "../chunk.ts";
import { blobIdOf } from "../manifest.ts";
import {
  ANSWER_WITHIN,
  type ApplicationRecord,
  type ApplicationRequest,
  BATCH_WITHIN,
  type BlobRequest,
  CHUNK_WITHIN,
  manifestCodec,
  recordCodec,
  type Request,
  requestCodecs,
  REQUESTS,
  type SharedManifest,
  type Status,
  STATUSES,
} from "./wire.ts";

/** What a peer answers in place of what was asked for. */
export type Without = Exclude<Status, "ok">;

/**
 * The chunks of a blob, or why there are none. Rejects `invalid_argument` where they are not the blob's, and as the channel
 * does.
 */
export async function askManifest(channel: Channel, { scope, blobId }: BlobRequest): Promise<SharedManifest | Without> {
  await channel.send(frameOf("manifest", encode(requestCodecs.manifest, { scope, blobId })));
  const { status, body } = await answerOf(channel, ANSWER_WITHIN);
  if (status !== "ok") return status;
  const manifest = decode(manifestCodec, body);
  if (Buffer.compare(blobIdOf(manifest.chunks), bytesOf(blobId)) !== 0) {
    throw new ShoalError("invalid_argument", "these are not the chunks of the blob that was asked for");
  }
  const { length } = manifest.chunks;
  // The id says nothing of the size: a wrong one is a lie, and told apart from a wrong id only by this.
  if (Math.ceil(manifest.size / CHUNK_BYTES) !== length) {
    throw new ShoalError("invalid_argument", `a blob of ${length} chunks has no ${manifest.size} bytes`);
  }
  return manifest;
}

export interface Batch extends BlobRequest {
  readonly manifest: SharedManifest;
  readonly chunks: readonly number[];
  /** Called for each chunk that came, in order; what it rejects with ends the batch. */
  readonly keep: (at: number, bytes: Uint8Array) => Promise<void>;
}

/**
 * Fetches a few chunks. Resolves with "ok" when all were kept. Rejects `deadline_exceeded` where a chunk, or all of them, take
 * too long, and with what `keep` does.
 */
export async function fetchBlob(channel: Channel, batch: Batch, clock: Clock): Promise<Status> {
  const { scope, blobId, chunks, manifest } = batch;
  await channel.send(frameOf("chunks", encode(requestCodecs.chunks, { scope, blobId, chunks })));
  const end = clock.monotonic() + BATCH_WITHIN;
  for (const at of chunks) {
    const left = Math.max(1, end - clock.monotonic());
    const { status, body } = await answerOf(channel, milliseconds(Math.min(left, CHUNK_WITHIN)));
    if (status !== "ok") return status;
    if (body.length !== lengthOf(manifest, at)) {
      throw new ShoalError("invalid_argument", `chunk ${at} has ${body.length} bytes, not as the peer said before`);
    }
    await batch.keep(at, body);
  }
  return "ok";
}

/** What a raw module's id is made of. The caller verifies it: the id is the proof. */
export async function askApplication(
  channel: Channel,
  { scope, blobId, applicationId }: ApplicationRequest,
): Promise<ApplicationRecord | Without> {
  await channel.send(frameOf("application", encode(requestCodecs.application, { scope, blobId, applicationId })));
  const { status, body } = await answerOf(channel, ANSWER_WITHIN);
  return status === "ok" ? decode(recordCodec, body) : status;
}

function lengthOf({ size, chunks }: SharedManifest, at: number): number {
  return at < chunks.length - 1 ? CHUNK_BYTES : size - (chunks.length - 1) * CHUNK_BYTES;
}

function frameOf(type: Request["type"], body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(1 + body.length);
  frame[0] = REQUESTS.indexOf(type);
  frame.set(body, 1);
  return frame;
}

async function answerOf(channel: Channel, within: DurationMs): Promise<{ status: Status; body: Uint8Array }> {
  const frame = await channel.receive(within);
  if (frame === undefined) throw new ShoalError("unavailable", "the peer closed the channel");
  const status = STATUSES[frame[0] ?? STATUSES.length];
  if (status === undefined) throw new ShoalError("invalid_argument", "an answer begins with its status");
  return { status, body: frame.subarray(1) };
}
