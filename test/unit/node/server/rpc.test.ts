/** JSON-RPC: what clients of either generation send, what they are answered, and what is refused. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { ExecuteFailure, type ExecuteFailureReason } from "@shoal/node/context/execute-failure.ts";
import { ask, listGuard, rpc, startServer, type TestServer } from "./harness.ts";
import { ALICE, APPLICATION, BOB, CONTEXT, OTHER_CONTEXT } from "./ids.ts";

let server: TestServer;
beforeAll(async () => (server = await startServer()));
afterAll(() => server.close());

const call = { contextId: CONTEXT, method: "get", argsJson: { key: "a" } };
const send = (body: unknown): ReturnType<typeof ask> => ask(server, "POST", "/jsonrpc", body);
const lastArgs = (): string => new TextDecoder().decode(server.contexts.executed.at(-1)?.args);

describe("execute", () => {
  test("runs a method with its arguments and answers with the guest's JSON", async () => {
    await rpc(server, "execute", { contextId: CONTEXT, method: "set", argsJson: { key: "a", value: { b: [1] } } });
    const { status, body } = await rpc(server, "execute", call);
    expect(status).toBe(200);
    expect(body).toEqual({ jsonrpc: "2.0", id: body["id"], result: { output: { b: [1] } } });
  });

  test("answers null where the method returned nothing", async () => {
    const { body } = await rpc(server, "execute", { contextId: CONTEXT, method: "set", argsJson: { key: "n" } });
    expect(body["result"]).toEqual({ output: null });
  });

  test("takes G2's executor and substitutions, and G3's call without them", async () => {
    await rpc(server, "execute", { ...call, executorPublicKey: ALICE, substitute: ["bob"] });
    expect(server.contexts.executed.at(-1)).toMatchObject({ executor: ALICE, substitute: ["bob"] });
    await rpc(server, "execute", { ...call, executorPublicKey: null, somethingNew: 1 });
    expect(server.contexts.executed.at(-1)).not.toHaveProperty("executor");
  });

  test("is served at /rpc too, and gives back ids of every kind", async () => {
    for (const id of [1, "one", null]) {
      const answer = await ask(server, "POST", "/rpc", { jsonrpc: "2.0", id, method: "execute", params: call });
      expect(answer.body["id"]).toBe(id);
    }
  });

  test("rounds no number on its way in or out", async () => {
    const big = "18446744073709551615";
    server.contexts.run = async () => new TextEncoder().encode(big);
    const response = await fetch(`${server.url}/jsonrpc`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: `{"jsonrpc":"2.0","id":1,"method":"execute","params":{"contextId":"${CONTEXT}","method":"set","argsJson":{"value":${big},"f":1e999}}}`,
    });
    server.contexts.run = undefined;
    expect(await response.text()).toContain(`"output":${big}`);
    expect(lastArgs()).toBe(`{"value":${big},"f":1e999}`);
  });
});

describe("errors of a call", () => {
  const reasons: readonly (readonly [ExecuteFailureReason, object])[] = [
    [{ type: "ContextNotFound" }, { type: "ExecuteError", data: { type: "ContextNotFound" } }],
    [{ type: "Uninitialized" }, { type: "ExecuteError", data: { type: "Uninitialized" } }],
    [{ type: "InternalError" }, { type: "ExecuteError", data: { type: "InternalError" } }],
    [
      { type: "Unauthorized", contextId: CONTEXT, publicKey: BOB },
      { type: "ExecuteError", data: { type: "Unauthorized", data: { context_id: CONTEXT, public_key: BOB } } },
    ],
    [
      { type: "ApplicationNotInstalled", applicationId: APPLICATION },
      { type: "ExecuteError", data: { type: "ApplicationNotInstalled", data: { application_id: APPLICATION } } },
    ],
    [
      { type: "AliasResolutionFailed", alias: "bob" },
      { type: "ExecuteError", data: { type: "AliasResolutionFailed", data: { alias: "bob" } } },
    ],
    [
      { type: "FunctionCallError", failure: { kind: "ExecutionError", message: "no such key" } },
      { type: "FunctionCallError", data: "no such key" },
    ],
  ];
  test.each(reasons)("%j is told in upstream's shape, with HTTP 200", async (reason, error) => {
    server.contexts.run = () => Promise.reject(new ExecuteFailure(reason));
    const { status, body } = await rpc(server, "execute", call);
    server.contexts.run = undefined;
    expect({ status, error: body["error"] }).toEqual({ status: 200, error });
  });

  test("output that is no JSON is a SerdeError", async () => {
    server.contexts.run = async () => Uint8Array.of(0xff, 0x7b);
    const { body } = await rpc(server, "execute", call);
    server.contexts.run = undefined;
    expect(body["error"]).toEqual({ type: "SerdeError", data: { message: "the method's output is not JSON" } });
  });

  test("what nobody foresaw is an InternalError without its cause", async () => {
    server.contexts.run = () => Promise.reject(new Error("secret path"));
    const { status, body } = await rpc(server, "execute", call);
    server.contexts.run = undefined;
    expect({ status, error: body["error"] }).toEqual({ status: 200, error: { type: "InternalError", data: {} } });
  });

  test("a node that is too busy says so by its status, and when to come again", async () => {
    server.contexts.run = () => Promise.reject(new ShoalError("unavailable", "busy", { retryAfterSeconds: 1 }));
    const { status, headers } = await rpc(server, "execute", call);
    server.contexts.run = undefined;
    expect([status, headers.get("retry-after")]).toEqual([503, "1"]);
  });
});

describe("what is no call", () => {
  const refused: readonly (readonly [string, unknown, RegExp])[] = [
    ["another version", { jsonrpc: "1.0", id: 1, method: "execute", params: call }, /jsonrpc/],
    ["no version", { id: 1, method: "execute", params: call }, /jsonrpc/],
    ["an unknown method", { jsonrpc: "2.0", id: 1, method: "query", params: call }, /method/],
    ["no params", { jsonrpc: "2.0", id: 1, method: "execute" }, /params/],
    ["a batch", [{ jsonrpc: "2.0", id: 1, method: "execute", params: call }], /batches/],
    ["a string", `"execute"`, /object/],
    ["an id that is an object", { jsonrpc: "2.0", id: {}, method: "execute", params: call }, /id/],
    ["an id without end", { jsonrpc: "2.0", id: "x".repeat(257), method: "execute", params: call }, /id/],
    ["a context id of other length", rpcOf({ ...call, contextId: "abc" }), /contextId.*base58/],
    ["a method with other characters", rpcOf({ ...call, method: "get-it" }), /method/],
    ["an empty method", rpcOf({ ...call, method: "" }), /method/],
    ["a method of 257 characters", rpcOf({ ...call, method: "m".repeat(257) }), /method/],
    ["a method of the node's own", rpcOf({ ...call, method: "__calimero_sync_next" }), /__calimero/],
    ["arguments in an array", rpcOf({ ...call, argsJson: [1] }), /argsJson/],
    ["arguments as text", rpcOf({ ...call, argsJson: "{}" }), /argsJson/],
    ["an executor that is no key", rpcOf({ ...call, executorPublicKey: "bob" }), /executorPublicKey/],
  ];
  test.each(refused)("%s is a ParseError that says what is wrong", async (_, body, why) => {
    const answer = await send(body);
    expect(answer.status).toBe(200);
    expect(answer.body["error"]).toMatchObject({ type: "ParseError", data: expect.stringMatching(why) as string });
  });

  test("text that is no JSON is 400, in the same shape", async () => {
    for (const text of ["{", "", "nul", "{]"]) {
      const { status, body } = await send(text);
      expect(status).toBe(400);
      expect(body).toMatchObject({ jsonrpc: "2.0", id: null, error: { type: "ParseError" } });
    }
  });

  test("another content type is 415", async () => {
    const { status } = await ask(server, "POST", "/jsonrpc", rpcOf(call), { "content-type": "text/plain" });
    expect(status).toBe(415);
  });

  test("another verb is 405, with what is allowed", async () => {
    const { status, headers } = await ask(server, "GET", "/jsonrpc");
    expect([status, headers.get("allow")]).toEqual([405, "POST"]);
  });

  test("arguments of 10 MiB are taken, and not a byte more", async () => {
    const most = 10 * 1024 * 1024 - `{"key":""}`.length;
    const taken = await rpc(server, "execute", { ...call, argsJson: { key: "k".repeat(most) } });
    expect(taken.body["result"]).toEqual({ output: null });
    const refusedCall = await rpc(server, "execute", { ...call, argsJson: { key: "k".repeat(most + 1) } });
    expect(refusedCall.body["error"]).toMatchObject({
      type: "ParseError",
      data: expect.stringMatching(/larger/) as string,
    });
  });

  test("a body beyond its limit is 413, before it is all read", async () => {
    const { status } = await rpc(server, "execute", { ...call, argsJson: { key: "k".repeat(13 * 1024 * 1024) } });
    expect(status).toBe(413);
  });

  test("so is one that does not say its length", async () => {
    await using small = await startServer({ limits: { rpcBodyBytes: 1000 } });
    const pieces = (n: number): ReadableStream =>
      new ReadableStream({
        start: (controller) => {
          for (let at = 0; at < n; at++) controller.enqueue(Buffer.from(" ".repeat(100)));
          controller.close();
        },
      });
    const post = async (n: number): Promise<number> => {
      const headers = { "content-type": "application/json" };
      const answer = await fetch(`${small.url}/jsonrpc`, { method: "POST", headers, body: pieces(n), duplex: "half" });
      return answer.status;
    };
    expect([await post(10), await post(11)]).toEqual([400, 413]);
  });

  test("arguments nested a million deep end in an answer", async () => {
    const deep = `${"[".repeat(1_000_000)}${"]".repeat(1_000_000)}`;
    const { status } = await send(
      `{"jsonrpc":"2.0","id":1,"method":"execute","params":{"contextId":"${CONTEXT}","method":"get","argsJson":{"key":${deep}}}}`,
    );
    expect(status).toBe(200);
  });
});

describe("presence and sync", () => {
  test("sync_status gives the context's, or that there is none", async () => {
    const found = await rpc(server, "sync_status", { contextId: CONTEXT });
    expect(found.body["result"]).toEqual({
      contextId: CONTEXT,
      isInitialized: true,
      syncState: "idle",
      failureCount: 0,
      lastError: null,
    });
    const missing = await rpc(server, "sync_status", { contextId: OTHER_CONTEXT });
    expect(missing.body["error"]).toEqual({ type: "ContextNotFound" });
  });

  test("set_ephemeral takes 16 KiB, and not a byte more", async () => {
    const bytes = (n: number): number[] => Array.from({ length: n }, () => 7);
    const taken = await rpc(server, "set_ephemeral", { contextId: CONTEXT, state: bytes(16_384) });
    expect(taken.body["result"]).toEqual({});
    const refused = await rpc(server, "set_ephemeral", { contextId: CONTEXT, state: bytes(16_385) });
    expect(refused.body["error"]).toMatchObject({ type: "ParseError" });
  });
});

describe("permissions", () => {
  let guarded: TestServer;
  beforeAll(async () => (guarded = await startServer({ guard: listGuard })));
  afterAll(() => guarded.close());
  const withToken = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

  test("without a token nothing is read: 401, with the reason in a header", async () => {
    const { status, headers } = await rpc(guarded, "execute", call);
    expect([status, headers.get("x-auth-error")]).toEqual([401, "missing_token"]);
    const expired = await rpc(guarded, "execute", call, withToken("expired"));
    expect([expired.status, expired.headers.get("x-auth-error")]).toEqual([401, "token_expired"]);
  });

  test("a token for one identity and method allows that call alone", async () => {
    const token = withToken(`context:execute[${CONTEXT},${BOB},get]`);
    const allowed = await rpc(guarded, "execute", { ...call, executorPublicKey: BOB }, token);
    expect(allowed.status).toBe(200);
    for (const other of [{ executorPublicKey: ALICE }, { method: "set", executorPublicKey: BOB }, {}]) {
      const refused = await rpc(guarded, "execute", { ...call, ...other }, token);
      expect([refused.status, refused.headers.get("x-auth-error")]).toEqual([403, "permission_denied"]);
    }
  });

  test("a call that names nobody is judged for the identity that then acts", async () => {
    const allowed = await rpc(guarded, "execute", call, withToken(`context:execute[${CONTEXT},${ALICE},get]`));
    expect(allowed.status).toBe(200);
    expect(guarded.contexts.executed.at(-1)?.executor).toBe(ALICE);
  });

  test("a token bound to one of the node's identities may ask how its context is", async () => {
    const token = withToken(`context:list[${CONTEXT},${ALICE}]`);
    expect((await rpc(guarded, "sync_status", { contextId: CONTEXT }, token)).status).toBe(200);
    expect((await rpc(guarded, "sync_status", { contextId: OTHER_CONTEXT }, token)).status).toBe(403);
  });
});

test("a read-only node executes nothing", async () => {
  await using readOnly = await startServer({ config: { mode: "read-only" } });
  const { status } = await rpc(readOnly, "execute", call);
  expect(status).toBe(403);
  expect((await rpc(readOnly, "sync_status", { contextId: CONTEXT })).status).toBe(200);
});

function rpcOf(params: unknown): object {
  return { jsonrpc: "2.0", id: 1, method: "execute", params };
}
