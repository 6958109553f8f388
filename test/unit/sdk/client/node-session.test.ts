/** Staying signed in: expired tokens are exchanged once, and nothing that was sent is lost by it. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createNodeClient, NodeAuthError, type NodeHttpClient, type TokenStore } from "@shoal/client/node/client.ts";
import { openOwnNode, PASSWORD, USER, type OwnNode } from "../../../support/own-node.ts";

let own: OwnNode;
let client: NodeHttpClient;
/** Paths that the client asked for. */
let asked: string[];
const fetch = (url: string, init: RequestInit): Promise<Response> => {
  asked.push(`${init.method ?? "GET"} ${new URL(url).pathname}`);
  return globalThis.fetch(url, init);
};
const count = (path: string): number => asked.filter((one) => one === path).length;

beforeAll(async () => {
  own = await openOwnNode();
});
afterAll(() => own.leave());
beforeEach(async () => {
  asked = [];
  client = createNodeClient({ baseUrl: own.url, fetch });
  await client.login(USER, PASSWORD, "test");
});

function streamOf(...chunks: readonly string[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(chunks.map((chunk) => new TextEncoder().encode(chunk)));
}

describe("expired tokens", () => {
  test("are exchanged once by many calls at once", async () => {
    own.expireTokens();
    await Promise.all(Array.from({ length: 10 }, () => client.call("contexts.list")));
    expect(count("POST /auth/refresh")).toBe(1);
  });

  test("are exchanged before a stream is sent, which cannot be sent twice", async () => {
    own.expireTokens();
    const blob = await client.upload(streamOf("one, ", "two"));
    expect(blob.size).toBe(8);
    expect(count("PUT /admin-api/blobs")).toBe(1);
    expect(await new Response(await client.download(blob.blobId)).text()).toBe("one, two");
  });

  test("are exchanged before a file is sent, and bytes are sent again", async () => {
    own.expireTokens();
    expect(await client.upload(new Blob(["abc"]))).toMatchObject({ size: 3 });
    own.expireTokens();
    expect(await client.upload(Uint8Array.of(1, 2))).toMatchObject({ size: 2 });
    expect(count("POST /auth/refresh")).toBe(2);
  });

  test("that expire as a stream is begun end it in a sentence, and the next one gets through", async () => {
    const late = createNodeClient({
      baseUrl: own.url,
      store: { update: async () => ({ accessToken: "b", refreshToken: "s" }) },
      tokens: { accessToken: "a", refreshToken: "r" },
      // The token holds when it is asked about, and no longer when the upload begins.
      fetch: async (url, { headers }) => {
        if (new Headers(headers).get("authorization") === "Bearer b" && url.endsWith("/blobs"))
          return Response.json({ data: { blobId: "x", size: 1 } });
        if (url.endsWith("/admin-api/identity")) return Response.json({ data: {} });
        return Response.json({ error: "expired" }, { status: 401, headers: { "x-auth-error": "token_expired" } });
      },
    });
    await expect(late.upload(streamOf("x"))).rejects.toThrow("upload it again");
    expect(await late.upload(streamOf("x"))).toEqual({ blobId: "x", size: 1 });
  });
});

describe("tokens that others share", () => {
  test("are taken from the store where somebody was quicker", async () => {
    const first = await client.login(USER, PASSWORD, "test");
    let kept = first;
    const store: TokenStore = { update: async (change) => (kept = await change(kept, async () => undefined)) };
    const [a, b] = [0, 1].map(() => createNodeClient({ baseUrl: own.url, tokens: first, store, fetch }));
    own.expireTokens();
    asked = [];
    await a?.call("contexts.list");
    await b?.call("contexts.list");
    expect(count("POST /auth/refresh")).toBe(1);
    expect(kept).not.toEqual(first);
  });

  test("that another program got, and that have expired as well, are exchanged", async () => {
    const first = await client.login(USER, PASSWORD, "test");
    own.expireTokens();
    let kept = first;
    const store: TokenStore = { update: async (change) => (kept = await change(kept, async () => undefined)) };
    await createNodeClient({ baseUrl: own.url, tokens: first, store }).call("contexts.list");
    own.expireTokens();
    await createNodeClient({ baseUrl: own.url, tokens: first, store }).call("contexts.list");
  });

  test("that were given up meanwhile stay so", async () => {
    const tokens = await client.login(USER, PASSWORD, "test");
    own.expireTokens();
    const store: TokenStore = { update: (change) => change(undefined, async () => undefined) };
    const other = createNodeClient({ baseUrl: own.url, tokens, store });
    await expect(other.call("contexts.list")).rejects.toMatchObject({ code: "unauthenticated" });
  });
});

describe("an exchange", () => {
  /** A client whose exchange ends like this; and how often it was tried. */
  async function exchanging(end: (url: string, init: RequestInit) => Promise<Response>) {
    const tokens = await createNodeClient({ baseUrl: own.url }).login(USER, PASSWORD, "test");
    own.expireTokens();
    let tried = 0;
    const other = createNodeClient({
      baseUrl: own.url,
      tokens,
      fetch: (url, init) => {
        if (!url.endsWith("/auth/refresh")) return globalThis.fetch(url, init);
        tried += 1;
        return end(url, init);
      },
    });
    return { other, tried: () => tried };
  }

  test("whose answer is lost is not tried again: that would end every sign-in of the key", async () => {
    const { other, tried } = await exchanging(async (url, init) => {
      await globalThis.fetch(url, init);
      throw new TypeError("fetch failed", { cause: Object.assign(new Error("cut"), { code: "ECONNRESET" }) });
    });
    await expect(other.call("contexts.list")).rejects.toMatchObject({ code: "unavailable" });
    await expect(other.call("contexts.list")).rejects.toMatchObject({ code: "unauthenticated" });
    expect(tried()).toBe(1);
    await client.call("contexts.list");
  });

  test("that never left, or was put off, is tried again", async () => {
    let failures = 0;
    const { other, tried } = await exchanging(async (url, init) => {
      failures += 1;
      if (failures === 1)
        throw new TypeError("fetch failed", { cause: Object.assign(new Error("no"), { code: "ECONNREFUSED" }) });
      if (failures === 2) return Response.json({ error: "later" }, { status: 429 });
      return globalThis.fetch(url, init);
    });
    await expect(other.call("contexts.list")).rejects.toMatchObject({ code: "unavailable" });
    await expect(other.call("contexts.list")).rejects.toMatchObject({ code: "rate_limited" });
    await other.call("contexts.list");
    expect(tried()).toBe(3);
  });
});

test("a refresh token that was spent elsewhere ends the sign-in, with a word to branch on", async () => {
  const tokens = await client.login(USER, PASSWORD, "test");
  own.expireTokens();
  await createNodeClient({ baseUrl: own.url, tokens }).call("contexts.list");
  const refused = createNodeClient({ baseUrl: own.url, tokens }).call("contexts.list");
  await expect(refused).rejects.toBeInstanceOf(NodeAuthError);
  await expect(refused).rejects.toMatchObject({ authError: "token_reuse", code: "unauthenticated", status: 401 });
});

test("keys are made, told of, changed and ended", async () => {
  const key = await client.keys.createRoot({ username: "bob", password: PASSWORD, permissions: ["blob:list"] });
  expect(await client.keys.permissions(key.key_id)).toEqual(["blob:list"]);
  const change = { add: ["application:list"], remove: ["blob:list"] };
  expect(await client.keys.changePermissions(key.key_id, change)).toEqual(["application:list"]);
  const bob = createNodeClient({ baseUrl: own.url });
  await bob.login("bob", PASSWORD, "test");
  await bob.call("applications.list");
  await client.keys.revokeTokens(key.key_id);
  await expect(bob.call("applications.list")).rejects.toMatchObject({ authError: "token_revoked" });
  await client.keys.deleteRoot(key.key_id);
  expect(await client.keys.roots()).toContainEqual(expect.objectContaining({ key_id: key.key_id, is_valid: false }));

  const tokens = await client.keys.createClient({ permissions: ["application:list"] });
  await createNodeClient({ baseUrl: own.url, tokens }).call("applications.list");
  const [made] = await client.keys.clients();
  await client.keys.deleteClient(made?.root_key_id ?? "", made?.client_id ?? "");
});
