/**
 * What apps do beyond their own state, on two nodes and a third that comes late: handlers run where they were not written,
 * calls of other contexts run where they were, blobs are fetched from who has them, private values stay at home.
 */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join as path } from "node:path";
import { idOf, type ContextId } from "@shoal/node/model/ids.ts";
import { keyPairOf } from "@shoal/node/model/keys.ts";
import { sha256 } from "@shoal/node/model/sha256.ts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/clock.ts";
import { startMesh, type Mesh, type MeshNode } from "../support/mesh.ts";
import { everywhere, join, levelled, makeContext } from "../support/mesh-team.ts";
import { built, builtApp } from "../unit/sdk/app/built.ts";
import { ownTreeApp } from "./own-tree.ts";
import { RELAY } from "./relay-source.ts";

const TIMEOUT = { timeout: 60_000 };

let mesh: Mesh;
let a: MeshNode;
let b: MeshNode;
let namespaceId: string;
let relay: string;
/** Two contexts of the relay: what is forwarded in the one arrives in the other. */
let from: string;
let to: string;

beforeAll(async () => {
  mesh = await startMesh(2);
  const [first, second] = mesh.nodes;
  if (first === undefined || second === undefined) throw new Error("the mesh is not up");
  [a, b] = [first, second];
  relay = await installed(a, await relayModule());
  namespaceId = (await a.client.call("namespaces.create", { body: { applicationId: relay } })).data.namespaceId;
  await join(a, b, { namespaceId });
  from = await makeContext(a, { namespaceId, applicationId: relay });
  to = await makeContext(a, { namespaceId, applicationId: relay });
  await everywhere([a, b], from, 60_000);
  await everywhere([a, b], to, 60_000);
}, 120_000);
afterAll(() => mesh.end());

async function relayModule(): Promise<Uint8Array> {
  const folder = path(mesh.folder, "relay");
  await mkdir(path(folder, "src"), { recursive: true });
  const manifest = { package: "test.shoal.relay", version: "1.0.0", name: "Relay" };
  await writeFile(path(folder, "app.json"), JSON.stringify(manifest));
  await writeFile(path(folder, "src/app.ts"), RELAY);
  const module = await built(folder, "e2e-relay");
  await rm(folder, { recursive: true });
  return module;
}

async function installed({ client }: MeshNode, module: Uint8Array): Promise<string> {
  const { blobId } = await client.upload(Uint8Array.from(module));
  return (await client.call("applications.installBlob", { body: { blobId } })).data.applicationId;
}

const call = ({ client }: MeshNode, contextId: string, method: string, argsJson = {}): Promise<unknown> =>
  client.execute({ contextId, method, argsJson });

/** Resolves when the method answers `value` on each of the nodes. */
async function answers(
  nodes: readonly MeshNode[],
  contextId: string,
  [method, args]: readonly [string, object],
  value: unknown,
): Promise<void> {
  for (const node of nodes) {
    const isSo = async (): Promise<true | undefined> =>
      JSON.stringify(await call(node, contextId, method, args)) === JSON.stringify(value) ? true : undefined;
    await eventually(isSo, `${method} on ${node.name} answers ${JSON.stringify(value)}`);
  }
}

test("a handler runs on every node but its author's, once, and all come to one state", TIMEOUT, async () => {
  const c = await mesh.add("n3");
  await join(a, c, { namespaceId });
  await everywhere([c], from, 60_000);
  await call(a, from, "shout", { what: "ahoy" });
  // Two nodes heard it, and their own events name no further handlers.
  await answers(mesh.nodes, from, ["echoes", {}], 2);
  await answers(mesh.nodes, from, ["heardOf", { what: "ahoy" }], "echoed");
  await levelled(mesh.nodes, from);
  expect(await call(a, from, "echoes")).toBe(2);
  expect(await call(a, from, "lastEchoed")).toBe("");
  expect(await call(b, from, "lastEchoed")).toBe("ahoy");
  expect(await call(c, from, "lastEchoed")).toBe("ahoy");
});

test("a handler does not run again after a kill and a start", TIMEOUT, async () => {
  const before = Number(await call(a, from, "echoes"));
  await call(a, from, "shout", { what: "once" });
  await answers(mesh.nodes, from, ["echoes", {}], before + 2);
  await b.kill();
  await b.start();
  await call(a, from, "shout", { what: "twice" });
  await answers(mesh.nodes, from, ["echoes", {}], before + 4);
  await levelled(mesh.nodes, from);
});

test("a call of another context runs at its author's alone, and its result is everybody's", TIMEOUT, async () => {
  await call(b, from, "forward", { to, what: "crossing" });
  await answers(mesh.nodes, to, ["passedTimes", {}], 1);
  await levelled(mesh.nodes, from);
  await levelled(mesh.nodes, to);
  for (const node of mesh.nodes) expect(await call(node, to, "passedTimes")).toBe(1);
});

test("what a user keeps, and what is frozen, is read everywhere", TIMEOUT, async () => {
  const owned = await Promise.all(
    [a, b].map(async (node) => {
      const { identities } = (await node.client.call("contexts.identitiesOwned", { params: { id: from } })).data;
      await call(node, from, "setMine", { value: `of ${node.name}` });
      return [identities[0] ?? "", `of ${node.name}`] as const;
    }),
  );
  const hash = await call(b, from, "freeze", { what: "for ever" });
  for (const [user, value] of owned) await answers(mesh.nodes, from, ["of", { user }], value);
  await answers(mesh.nodes, from, ["thawed", { hash }], "for ever");
});

test("a blob that one node holds is fetched by another, once it was announced or not", TIMEOUT, async () => {
  const content = "content ".repeat(40_000);
  const fetched = async (node: MeshNode, id: unknown): Promise<string | undefined> => {
    const response = await fetch(`${node.url}/admin-api/blobs/${String(id)}?context_id=${from}`);
    return response.ok ? response.text() : undefined;
  };
  const published = await call(a, from, "publish", { content });
  const upload = await b.client.upload(Buffer.from(`uploaded ${content}`));
  expect(await call(b, from, "announce", { id: upload.blobId })).toBe(true);
  await levelled(mesh.nodes, from);
  expect(await eventually(() => fetched(b, published), "b has a's blob")).toBe(content);
  expect(await eventually(() => fetched(a, upload.blobId), "a has b's blob")).toBe(`uploaded ${content}`);
});

test("subscribers of every node hear an event", TIMEOUT, async () => {
  const end = new AbortController();
  let open = 0;
  const heard = mesh.nodes.map(async ({ client }) => {
    for await (const event of client.events({
      contextIds: [from],
      signal: end.signal,
      onOpen: () => (open += 1),
    })) {
      const { events = [] } = event.data as { readonly events?: readonly { kind: string; data: readonly number[] }[] };
      const shouted = events.find(({ kind }) => kind === "Shouted");
      if (shouted !== undefined) return JSON.parse(Buffer.from(shouted.data).toString()) as unknown;
    }
    return undefined;
  });
  await eventually(() => (open === mesh.nodes.length ? true : undefined), "all streams are open");
  await call(b, from, "shout", { what: "for subscribers" });
  expect(await Promise.all(heard)).toEqual(mesh.nodes.map(() => ({ what: "for subscribers" })));
  end.abort();
});

test("the chat: edits, reactions and profiles of three agree, and marks stay at home", TIMEOUT, async () => {
  const applicationId = await installed(a, await builtApp("team-chat"));
  const chat = await makeContext(a, { namespaceId, applicationId });
  const here = ["count", { channel: "general" }] as const;
  await answers(mesh.nodes, chat, here, 0);
  await call(b, chat, "setProfile", { name: "ben" });
  await answers(mesh.nodes, chat, here, 0);
  const id = await call(a, chat, "send", { channel: "general", text: "hello @ben" });
  await answers(mesh.nodes, chat, here, 1);
  await Promise.all(
    mesh.nodes.map((node, n) => call(node, chat, "editTopic", { channel: "general", at: 0, insert: `${n}` })),
  );
  await Promise.all(mesh.nodes.map((node) => call(node, chat, "react", { channel: "general", id, emoji: "+1" })));
  await levelled(mesh.nodes, chat);
  const topics = await Promise.all(mesh.nodes.map((node) => call(node, chat, "topic", { channel: "general" })));
  expect(new Set(topics).size).toBe(1);
  expect(String(topics[0]).split("").toSorted().join("")).toBe("012");
  for (const node of mesh.nodes) expect(await call(node, chat, "reactionsOf", { id })).toEqual({ "+1": 3 });
  await answers([b], chat, ["lastMention", { channel: "general" }], id);
  expect(await call(a, chat, "lastMention", { channel: "general" })).toBe(undefined);
  await expect(call(b, chat, "edit", { channel: "general", id, text: "not mine" })).rejects.toThrow(/only the owner/);
});

test("a guest that keeps its own tree agrees between nodes, also with one that comes late", TIMEOUT, async () => {
  const seed = Buffer.alloc(32, 5);
  const contextId = keyPairOf(sha256(Buffer.from("shoal.context.seed"), seed), "seed").publicKey as string as ContextId;
  const applicationId = await installed(a, await ownTreeApp(contextId));
  const body = { applicationId, initializationParams: [], groupId: namespaceId, contextSeed: idOf(seed) };
  expect((await a.client.call("contexts.create", { body })).data.contextId).toBe(contextId);
  await everywhere(mesh.nodes, contextId, 30_000);
  const begin = await levelled(mesh.nodes, contextId);
  await mesh.part([a], [b]);
  await Promise.all([call(a, contextId, "left"), call(b, contextId, "right")]);
  await mesh.heal();
  const both = await levelled(mesh.nodes, contextId);
  expect(both).not.toBe(begin);
  const late = await mesh.add("n4");
  await join(a, late, { namespaceId });
  await everywhere([late], contextId, 60_000);
  expect(await levelled(mesh.nodes, contextId)).toBe(both);
});
