import { CHUNK_BYTES } from "@shoal/node/blobs/chunk.ts";
import { askApplication, askManifest, fetchBlob } from "@shoal/node/blobs/share/ask.ts";
import { CHANNELS_PER_PEER } from "@shoal/node/blobs/share/serve.ts";
import {
  CHUNK_WITHIN,
  requestCodecs,
  REQUESTS,
  type Scope,
  type SharedManifest,
} from "@shoal/node/blobs/share/wire.ts";
import type { Application } from "@shoal/node/model/application.ts";
import type { ApplicationId, BlobId, ContextId, GroupId } from "@shoal/node/model/ids.ts";
import { encode } from "@shoal/node/sync/codec.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { seeded } from "@shoal/shared/base/random.ts";
import { milliseconds, seconds } from "@shoal/shared/base/time.ts";
import { beforeEach, describe, expect, test } from "vitest";
import { eventually, systemClock } from "../../../../support/clock.ts";
import { createVirtualClock } from "../../../../support/virtual-clock.ts";
import { pieces } from "../open-blobs.ts";
import { CONTEXT, Mesh, NAMESPACE, newKey, type Peer } from "./mesh.ts";

const content = Buffer.from(seeded(5).bytes(12 * CHUNK_BYTES));
const inContext: Scope = { type: "context", contextId: CONTEXT };
const inNamespace: Scope = { type: "namespace", namespaceId: NAMESPACE };
const applicationId = newKey() as unknown as ApplicationId;

let mesh: Mesh;
let holder: Peer;
let versions: { blob: BlobId; source: string; metadata: Uint8Array }[];
beforeEach(async () => {
  mesh = new Mesh();
  versions = [];
  const history = (): Promise<readonly Application[]> => Promise.resolve(versions as unknown as Application[]);
  holder = await mesh.join({ applications: { history } });
});

const asked = (scope: Scope, blobId: BlobId, account = newKey()) =>
  askManifest(mesh.channelTo(holder.id, "asker", account), { scope, blobId });

/** Somebody who reads the context. */
function reader() {
  const account = newKey();
  mesh.roll.readers.add(account);
  return account;
}
/** Somebody of the namespace who reads no context. */
function member() {
  const account = newKey();
  mesh.roll.members.add(account);
  return account;
}

describe("a blob of a context", () => {
  test("is for who may read the context, and for nobody else", async () => {
    const { blobId } = await holder.blobs.add(pieces(content), { sharedIn: CONTEXT });
    expect(await asked(inContext, blobId, reader())).toMatchObject({ size: content.length });
    expect(await asked(inContext, blobId, member())).toBe("missing");
    expect(holder.reported).toEqual([]);
    expect(await asked(inContext, blobId)).toBe("refused");
    expect(await asked(inNamespace, blobId, member())).toBe("missing");
    expect(holder.reported).toEqual([]);
  });

  test("that was not shared in it is not given, though its id is known", async () => {
    const { blobId } = await holder.blobs.add(pieces(content));
    expect(await asked(inContext, blobId, reader())).toBe("missing");
    const elsewhere = newKey() as unknown as ContextId;
    await holder.blobs.share(blobId, elsewhere);
    expect(await asked(inContext, blobId, reader())).toBe("missing");
    expect(await asked({ type: "context", contextId: elsewhere }, blobId, reader())).toBe("refused");
    expect(await asked({ type: "namespace", namespaceId: "cd".repeat(32) as GroupId }, blobId, member())).toBe(
      "refused",
    );
  });

  test("goes to a member who is removed only up to the batch that was asked for", async () => {
    const { blobId } = await holder.blobs.add(pieces(content), { sharedIn: CONTEXT });
    const account = reader();
    const channel = mesh.channelTo(holder.id, "asker", account);
    const manifest = (await askManifest(channel, { scope: inContext, blobId })) as SharedManifest;
    const batch = { scope: inContext, blobId, manifest, keep: () => Promise.resolve() };
    expect(await fetchBlob(channel, { ...batch, chunks: [0, 1] }, systemClock)).toBe("ok");
    mesh.roll.readers.delete(account);
    expect(await fetchBlob(channel, { ...batch, chunks: [2] }, systemClock)).toBe("refused");
  });
});

describe("an application's blob", () => {
  test("is for everybody in the namespace, also before any context can be read", async () => {
    const { blobId } = await holder.blobs.add(pieces(content));
    versions.push({ blob: blobId, source: "file:///app.wasm", metadata: Uint8Array.of(1) });
    expect(await asked(inNamespace, blobId, member())).toBe("missing");
    mesh.roll.applications.push(applicationId);
    expect(await asked(inNamespace, blobId, member())).toMatchObject({ size: content.length });
    expect(await asked(inContext, blobId, member())).toMatchObject({ size: content.length });
    expect(await asked(inNamespace, blobId)).toBe("refused");
  });

  test("has a record that its id is made of", async () => {
    const { blobId } = await holder.blobs.add(pieces(content));
    versions.push({ blob: blobId, source: "file:///app.wasm", metadata: Uint8Array.of(1) });
    mesh.roll.applications.push(applicationId);
    const ask = (id: ApplicationId) =>
      askApplication(mesh.channelTo(holder.id, "asker", member()), { scope: inNamespace, blobId, applicationId: id });
    expect(await ask(applicationId)).toEqual({ source: "file:///app.wasm", metadata: Uint8Array.of(1) });
    expect(await ask(newKey() as unknown as ApplicationId)).toBe("missing");
  });
});

describe("an asker who keeps to no rule", () => {
  const ends = (peer = "asker") => mesh.channelTo(holder.id, peer, reader());

  test.each([
    ["nothing", new Uint8Array()],
    ["an unknown request", Uint8Array.of(9)],
    ["half a request", Uint8Array.of(0, 1)],
    [
      "a chunk list beyond the bound",
      Uint8Array.from([1, 1, ...Buffer.alloc(32), 0, ...Buffer.alloc(32), 255, 0, 0, 0]),
    ],
    ["a request of a megabyte", new Uint8Array(1024 * 1024)],
  ])("sends %s: the channel ends", async (_, frame) => {
    const channel = ends();
    await channel.send(frame);
    await expect(channel.receive(seconds(5))).rejects.toMatchObject({ code: "unavailable" });
  });

  test("asks for chunks that the blob does not have: they are missing", async () => {
    const { blobId } = await holder.blobs.add(pieces(content), { sharedIn: CONTEXT });
    const channel = ends();
    const manifest = (await askManifest(channel, { scope: inContext, blobId })) as SharedManifest;
    const batch = { scope: inContext, blobId, manifest, chunks: [4_000_000_000], keep: () => Promise.resolve() };
    expect(await fetchBlob(channel, batch, systemClock)).toBe("missing");
  });

  test("opens channel after channel: those beyond its share are told that others are served", async () => {
    const { blobId } = await holder.blobs.add(pieces(content), { sharedIn: CONTEXT });
    const held = Array.from({ length: CHANNELS_PER_PEER }, () => ends("greedy"));
    for (const channel of held) expect(await askManifest(channel, { scope: inContext, blobId })).toHaveProperty("size");
    const more = ends("greedy");
    expect(await more.receive(seconds(5))).toEqual(Uint8Array.of(3));
    expect(await askManifest(ends("modest"), { scope: inContext, blobId })).toHaveProperty("size");
    await held[0]?.close();
    await held[0]?.receive(seconds(5));
    expect(await askManifest(ends("greedy"), { scope: inContext, blobId })).toHaveProperty("size");
  });

  test("takes nothing of what it asked for: the channel ends by its deadline", async () => {
    const clock = createVirtualClock();
    mesh = new Mesh(clock);
    holder = await mesh.join();
    const { blobId } = await holder.blobs.add(pieces(content), { sharedIn: CONTEXT });
    const channel = ends();
    const chunks = [0, 1, 2, 3, 4, 5, 6, 7];
    const request = Buffer.concat([
      Uint8Array.of(REQUESTS.indexOf("chunks")),
      encode(requestCodecs.chunks, { scope: inContext, blobId, chunks }),
    ]);
    // Twice what the channel has room for, and nobody who reads.
    await channel.send(request);
    await channel.send(request);
    await eventually(async () => {
      await clock.advance(milliseconds(CHUNK_WITHIN));
      return channel.send(request).then(
        () => undefined,
        (thrown: unknown) => thrown instanceof ShoalError && thrown.code,
      );
    }, "the channel ends").then((code) => expect(code).toBe("unavailable"));
  });
});
