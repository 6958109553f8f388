/** What no client should send: each is answered in good order, and the server lives on. */
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { startKubernetesApi, type KubernetesApi } from "@shoal/emulator/kubernetes/index.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { systemClock } from "../../../support/clock.ts";

let folder: string;
let api: KubernetesApi;
let authority: Buffer;
let token: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "shoal-kubernetes-"));
  api = await startKubernetesApi({ host: "127.0.0.1", port: 0, dataDir: folder, log: silentLog, clock: systemClock });
  const config = parse(api.kubeconfigYaml) as {
    clusters: [{ cluster: { "certificate-authority-data": string } }];
    users: [{ user: { token: string } }];
  };
  authority = Buffer.from(config.clusters[0].cluster["certificate-authority-data"], "base64");
  token = config.users[0].user.token;
});
afterAll(async () => {
  await api.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Given {
  readonly method?: string;
  readonly type?: string;
  readonly body?: string | Buffer;
  readonly headers?: Record<string, string>;
}

async function ask(path: string, given: Given = {}): Promise<{ code: number }> {
  const { method = "GET", type = "application/json", body, headers = {} } = given;
  return new Promise((resolve, reject) => {
    const call = request(
      `${api.url}${path}`,
      { method, ca: authority, headers: { authorization: `Bearer ${token}`, "content-type": type, ...headers } },
      (response) => {
        text(response).then(() => resolve({ code: response.statusCode ?? 0 }), reject);
      },
    );
    call.on("error", reject);
    call.end(body);
  });
}

const MAPS = "/api/v1/namespaces/default/configmaps";
const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;

describe("the API", () => {
  it.each<[string, string, Given, number]>([
    ["a body that is no JSON", MAPS, { method: "POST", body: "{" }, 400],
    ["a body that is no object", MAPS, { method: "POST", body: "[]" }, 400],
    ["an empty body", MAPS, { method: "POST" }, 400],
    ["metadata that is none", MAPS, { method: "POST", body: '{"metadata":7}' }, 400],
    ["labels that are none", MAPS, { method: "POST", body: '{"metadata":{"name":"x","labels":[]}}' }, 400],
    ["another kind", MAPS, { method: "POST", body: '{"kind":"Secret","metadata":{"name":"x"}}' }, 400],
    ["too much", MAPS, { method: "POST", body: Buffer.alloc(4 * 1024 ** 2, 32) }, 413],
    [
      "too much in a map",
      MAPS,
      { method: "POST", body: JSON.stringify({ metadata: { name: "x" }, data: { a: "x".repeat(1024 ** 2 + 1) } }) },
      422,
    ],
    ["YAML that is none", MAPS, { method: "POST", type: "application/yaml", body: "a: [" }, 400],
    ["a percent sign astray", "/api/v1/namespaces/%E0%A4%A/configmaps", {}, 404],
    ["a path with holes", "/api/v1/namespaces//configmaps", {}, 404],
    ["a limit that is no number", `${MAPS}?limit=many`, {}, 400],
    ["a timeout that is no number", `${MAPS}?watch=true&timeoutSeconds=soon`, {}, 400],
    ["a version that is none", `${MAPS}?watch=true&resourceVersion=new`, {}, 400],
    ["a selector that is none", `${MAPS}?labelSelector=((`, {}, 400],
    ["no token", MAPS, { headers: { authorization: "" } }, 401],
    ["a token that is none", MAPS, { headers: { authorization: "Bearer x" } }, 401],
    ["a method that is not its", MAPS, { method: "PUT", body: "{}" }, 405],
    ["protobuf that is none", MAPS, { method: "POST", type: "application/vnd.kubernetes.protobuf", body: "x" }, 400],
    ["a form that nobody writes", MAPS, { headers: { accept: "text/csv" } }, 406],
  ])("answers %s", async (_what, path, given, code) => {
    expect((await ask(path, given)).code).toBe(code);
  });

  it("outlives a body that is nested too deeply, wherever it is put", async () => {
    const pool = `{"metadata":{"name":"deep"},"spec":${deep}}`;
    const answer = await ask("/apis/karpenter.sh/v1/nodepools", { method: "POST", body: pool });
    expect(answer.code).toBe(400);
    expect((await ask("/readyz")).code).toBe(200);
  });

  it("ends watches while it writes to them", async () => {
    const watches = Array.from({ length: 5 }, async () => ask(`${MAPS}?watch=true&timeoutSeconds=1`));
    const state = { open: true };
    const ended = Promise.all(watches).finally(() => (state.open = false));
    for (let i = 0; state.open; i++) {
      await ask(MAPS, { method: "POST", body: `{"metadata":{"name":"busy-${i}"}}` });
    }
    expect((await ended).map((one) => one.code)).toEqual([200, 200, 200, 200, 200]);
    expect((await ask("/readyz")).code).toBe(200);
  });
});
