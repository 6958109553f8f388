/** Peers that lie, stall and flood, each beside one that is honest: the blob comes whole, and the other is found out. */
import { CHUNK_BYTES, chunkIdOf } from "@shoal/node/blobs/chunk.ts";
import { statusFrame } from "@shoal/node/blobs/share/serve.ts";
import { manifestCodec, requestCodecs, type SharedManifest } from "@shoal/node/blobs/share/wire.ts";
import type { BlobId } from "@shoal/node/model/ids.ts";
import { type Channel, type Fault, MAX_FRAME } from "@shoal/node/network/contract.ts";
import { decode, encode } from "@shoal/node/sync/codec.ts";
import { seeded } from "@shoal/shared/base/random.ts";
import { seconds } from "@shoal/shared/base/time.ts";
import { describe, expect, test } from "vitest";
import { contentOf, pieces } from "../open-blobs.ts";
import { createVirtualClock, type VirtualClock } from "../../../../support/virtual-clock.ts";
import { CONTEXT, Mesh, type Peer } from "./mesh.ts";

const content = Buffer.from(seeded(11).bytes(9 * CHUNK_BYTES + 5));
const chunks = Array.from({ length: 10 }, (_, at) =>
  chunkIdOf(content.subarray(at * CHUNK_BYTES, (at + 1) * CHUNK_BYTES)),
);
const truth: SharedManifest = { size: content.length, chunks };
const chunk = (at: number): Uint8Array => content.subarray(at * CHUNK_BYTES, (at + 1) * CHUNK_BYTES);
const manifestFrame = (manifest: SharedManifest): Uint8Array => statusFrame("ok", encode(manifestCodec, manifest));

/** Answers the first question with `manifest` and each further one with what `more` gives. */
const liar =
  (manifest: Uint8Array, more: (channel: Channel, asked: Uint8Array) => Promise<void> = () => Promise.resolve()) =>
  async (channel: Channel): Promise<void> => {
    await channel.receive(seconds(30));
    await channel.send(manifest);
    for (;;) {
      const asked = await channel.receive(seconds(600));
      if (asked === undefined) return;
      await more(channel, asked);
    }
  };
const sends = (frame: Uint8Array) => (channel: Channel) => channel.send(frame);
const silent = async (channel: Channel): Promise<void> => {
  while ((await channel.receive(seconds(3600))) !== undefined);
};

const LIES: readonly [what: string, Fault | undefined, (channel: Channel) => Promise<void>][] = [
  ["other chunks than the blob's", "forged", liar(manifestFrame({ ...truth, chunks: chunks.toReversed() }))],
  ["no chunks at all", "forged", liar(manifestFrame({ size: 0, chunks: [] }))],
  ["a size that its chunks cannot have", "forged", liar(manifestFrame({ ...truth, size: 4_000_000_000 }))],
  ["a manifest of nonsense", "forged", liar(statusFrame("ok", new Uint8Array(1000)))],
  ["a manifest of a million chunks", "forged", liar(statusFrame("ok", Buffer.from("0000000040420f00", "hex")))],
  ["an answer without a status", "forged", liar(new Uint8Array())],
  ["another status than there is", "forged", liar(Uint8Array.of(77))],
  ["one byte of a chunk wrong", "forged", liar(manifestFrame(truth), sends(statusFrame("ok", flipped())))],
  ["a chunk of eight megabytes", "forged", liar(manifestFrame(truth), sends(new Uint8Array(MAX_FRAME)))],
  ["an empty chunk", "forged", liar(manifestFrame(truth), sends(statusFrame("ok")))],
  ["chunks without end", "forged", liar(manifestFrame(truth), endless)],
  ["nothing, after a true manifest", "slow", liar(manifestFrame(truth))],
  ["nothing at all", "slow", silent],
  ["a hang-up", "broken", async () => Promise.resolve()],
  ["that it has no chunk of what it has", undefined, liar(manifestFrame(truth), sends(statusFrame("missing")))],
];

function flipped(): Uint8Array {
  const wrong = Buffer.from(chunk(0));
  wrong[1000] = (wrong[1000] ?? 0) ^ 1;
  return wrong;
}

async function endless(channel: Channel): Promise<void> {
  for (;;) await channel.send(statusFrame("ok", chunk(0)));
}

async function honest(channel: Channel, asked: Uint8Array): Promise<void> {
  for (const at of decode(requestCodecs.chunks, asked.subarray(1)).chunks) {
    await channel.send(statusFrame("ok", chunk(at)));
  }
}

/** Runs time on until it is done, but only while nothing goes on: disks are real here and know of no virtual time. */
async function inTime<T>(mesh: Mesh, clock: VirtualClock, work: Promise<T>): Promise<T> {
  const end = { over: false };
  const done = work.finally(() => (end.over = true));
  while (!end.over) {
    const { frames } = mesh;
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (mesh.frames === frames) await clock.advance(seconds(1));
  }
  return done;
}

const idOf = async (peer: Peer): Promise<BlobId> =>
  (await peer.blobs.add(pieces(content), { sharedIn: CONTEXT })).blobId;

describe("a peer that sends", () => {
  test.each(LIES)("%s", async (_, fault, serve) => {
    const clock = createVirtualClock();
    const mesh = new Mesh(clock);
    mesh.intrude("liar", serve);
    const [holder, asker] = [await mesh.join(), await mesh.join()];
    const blobId = await idOf(holder);
    expect(await inTime(mesh, clock, asker.finder.find(blobId, CONTEXT))).toBe(true);
    expect((await contentOf(asker.blobs.read(blobId))).equals(content)).toBe(true);
    expect(asker.reported).toEqual(fault === undefined ? [] : [{ peer: "liar", fault }]);
  });

  test.each(LIES)("%s, alone: nothing is kept, and the asker is told in time", async (_, _fault, serve) => {
    const clock = createVirtualClock();
    const mesh = new Mesh(clock);
    const [holder, asker] = [await mesh.join(), await mesh.join()];
    const blobId = await idOf(holder);
    mesh.leave(holder.id);
    mesh.intrude("liar", serve);
    const before = clock.now();
    expect(await inTime(mesh, clock, asker.finder.find(blobId, CONTEXT))).toBe(false);
    expect(clock.now() - before).toBeLessThanOrEqual(seconds(600));
    expect(await asker.blobs.info(blobId)).toBeUndefined();
  });
});

test("a last chunk that is longer than its sender said gives the sender away, who is asked no more", async () => {
  const mesh = new Mesh();
  const [holder, asker] = [await mesh.join(), await mesh.join()];
  const blobId = await idOf(holder);
  mesh.leave(holder.id);
  mesh.intrude("liar", liar(manifestFrame({ ...truth, size: content.length - 1 }), honest));
  expect(await asker.finder.find(blobId, CONTEXT)).toBe(false);
  expect(asker.reported).toEqual([{ peer: "liar", fault: "forged" }]);
  expect(mesh.opened).toEqual(["liar"]);
});

test("who has no part in the context is not told what is looked for", async () => {
  const mesh = new Mesh();
  const heard: (Uint8Array | undefined)[] = [];
  const stranger = mesh.intrude("stranger", async (channel) => void heard.push(await channel.receive(seconds(30))));
  mesh.roll.readers.delete(stranger);
  mesh.roll.members.delete(stranger);
  const [holder, asker] = [await mesh.join(), await mesh.join()];
  const blobId = await idOf(holder);
  expect(await asker.finder.find(blobId, CONTEXT)).toBe(true);
  expect(heard).toEqual([undefined]);
});
