/** What takes other nodes: the network's routes, blobs that members have, contexts of others. */
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { bytesOf, type BlobId, type ContextId } from "@shoal/node/model/ids.ts";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ask, startServer, type TestServer } from "./harness.ts";
import { ALICE, CONTEXT, id, OTHER_CONTEXT } from "./ids.ts";

const PEER = "12D3KooWPeer1111111111";
/** A blob that only members of a context have. */
const AFAR = id<BlobId>(99);

let server: TestServer;
let lookedFor: (readonly [BlobId, ContextId])[];
beforeAll(async () => {
  server = await startServer({
    peers: {
      finder: {
        find: async (blobId, contextId) => {
          lookedFor.push([blobId, contextId]);
          if (blobId !== AFAR) return false;
          server.blobs.held.set(blobId, bytesOf(blobId));
          return true;
        },
      },
      join: async (contextId) => {
        if (contextId === OTHER_CONTEXT) return ALICE;
        throw new ShoalError("permission_denied", "the account may not enter");
      },
    },
  });
});
afterAll(() => server.close());
beforeEach(() => {
  lookedFor = [];
  server.blobs.held.clear();
});

const get = (path: string): ReturnType<typeof ask> => ask(server, "GET", path);
const post = (path: string, body: unknown): ReturnType<typeof ask> => ask(server, "POST", path, body);

describe("the network", () => {
  test("is told of as it is", async () => {
    expect((await get("/admin-api/network/status")).body).toEqual({
      data: {
        peerId: "12D3Koo",
        listeningAddresses: ["/ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/2/ws/p2p/12D3Koo"],
        connectedPeers: 1,
        topics: ["shoal/ctx/1"],
        blocked: [],
        reachability: "private",
        relays: [],
      },
    });
    const peer = { peerId: "12D3KooPeer", direction: "inbound", connectedAtMs: 7, score: -1, relayed: false };
    expect((await get("/admin-api/network/peers")).body).toEqual({ data: { peers: [{ ...peer, addresses: [] }] } });
  });

  test("refuses whom it is told to refuse, and takes it back", async () => {
    const blocked = async (): Promise<unknown> =>
      ((await get("/admin-api/network/status")).body["data"] as { blocked: unknown }).blocked;
    expect((await post("/admin-api/network/block", { peerId: PEER })).body).toEqual({ data: {} });
    expect(await blocked()).toEqual([PEER]);
    expect((await post("/admin-api/network/unblock", { peerId: PEER })).body).toEqual({ data: {} });
    expect(await blocked()).toEqual([]);
  });

  test("dials, and says why a peer cannot be dialled, or what is no address", async () => {
    const dialled = await post("/admin-api/network/dial", { address: `/ip4/127.0.0.1/tcp/1/p2p/${PEER}` });
    expect(dialled.body).toEqual({ data: { peerId: "12D3KooPeer" } });
    const there = await post("/admin-api/network/dial", { address: `/ip4/127.0.0.1/tcp/2/p2p/${PEER}` });
    expect({ status: there.status, code: there.body["code"] }).toEqual({ status: 503, code: "unavailable" });
    for (const address of ["", "127.0.0.1:2428", "/ip4/127.0.0.1/tcp/1", `/p2p/${"1".repeat(2000)}`]) {
      expect((await post("/admin-api/network/dial", { address })).status).toBe(400);
    }
    expect((await post("/admin-api/network/block", { peerId: "not a peer" })).status).toBe(400);
  });
});

describe("a blob", () => {
  test("that is not here comes from members of the context that is named", async () => {
    const response = await fetch(`${server.url}/admin-api/blobs/${AFAR}?context_id=${CONTEXT}`);
    expect(Buffer.from(await response.arrayBuffer()).equals(bytesOf(AFAR))).toBe(true);
    expect(lookedFor).toEqual([[AFAR, CONTEXT]]);
    await fetch(`${server.url}/admin-api/blobs/${AFAR}?context_id=${CONTEXT}`).then((again) => again.arrayBuffer());
    expect(lookedFor).toHaveLength(1);
  });

  test("is not looked for without a context, nor for one that is not here", async () => {
    expect((await get(`/admin-api/blobs/${AFAR}`)).status).toBe(404);
    expect((await get(`/admin-api/blobs/${AFAR}?context_id=${OTHER_CONTEXT}`)).status).toBe(404);
    expect(lookedFor).toEqual([]);
    expect((await get(`/admin-api/blobs/${id<BlobId>(98)}?context_id=${CONTEXT}`)).status).toBe(404);
    expect(lookedFor).toHaveLength(1);
  });

  test("is stored for a context that is here", async () => {
    const put = (context: string): Promise<Response> =>
      fetch(`${server.url}/admin-api/blobs?context_id=${context}`, { method: "PUT", body: "hello" });
    expect((await put(OTHER_CONTEXT)).status).toBe(404);
    expect(server.blobs.shared).toEqual([]);
    expect((await put(CONTEXT)).status).toBe(200);
    expect(server.blobs.shared).toEqual([CONTEXT]);
  });
});

test("a context of others is joined where the account may enter", async () => {
  expect((await post(`/admin-api/contexts/${OTHER_CONTEXT}/join`, {})).body).toEqual({
    data: { contextId: OTHER_CONTEXT, memberPublicKey: ALICE },
  });
  expect((await post(`/admin-api/contexts/${id(55)}/join`, {})).status).toBe(403);
});
