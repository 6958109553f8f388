/** A node's server whose governance is real, on a store of its own; applications and contexts are the test's. */
import { Registry } from "prom-client";
import { silentLog } from "@shoal/shared/base/log.ts";
import { createAttester } from "@shoal/node/governance/tee/attester.ts";
import type { QuoteSource } from "@shoal/node/kms/quote.ts";
import { bytesOf, type ContextId } from "@shoal/node/model/ids.ts";
import { governanceHandlers } from "@shoal/node/server/admin/governance/index.ts";
import { createServer } from "@shoal/node/server/server.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import { afterEach, expect } from "vitest";
import { memoryBlobs, memoryContexts, memoryNetwork, memoryNode, memoryStore } from "../server/clients.ts";
import { ask, CONFIG } from "../server/harness.ts";
import { applications, clock, startNode, type TestNode } from "./node.ts";
import { applicationId, type alice } from "./people.ts";

export interface TestApi {
  readonly node: TestNode;
  /** Contexts that `sync` was asked for. */
  readonly synced: ContextId[];
  /** Status and body of one request below `/admin-api`. */
  call(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ readonly status: number; readonly body: Readonly<Record<string, unknown>> }>;
}

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

export async function startApi(
  tee: { readonly mock?: boolean; readonly hardware?: QuoteSource } = {},
): Promise<TestApi> {
  const node = await startNode();
  const synced: ContextId[] = [];
  const server = await createServer({
    config: CONFIG,
    contexts: memoryContexts(),
    nodes: memoryNode(memoryBlobs()),
    network: memoryNetwork,
    events: node.bus,
    governance: governanceHandlers({
      governance: node.governance,
      contexts: { sync: async (id) => void (id !== undefined && synced.push(id)) },
      applications,
      attester: createAttester(tee.mock ?? false, tee.hardware),
      clock,
    }),
    store: memoryStore(),
    registry: new Registry(),
    limits: {},
    log: silentLog,
    clock: systemClock,
    random: systemRandom,
  });
  closing.push(() => server.close());
  const [url = ""] = server.urls;
  const call: TestApi["call"] = async (method, path, body) => {
    const answer = await ask({ url }, method, `/admin-api${path}`, body);
    return { status: answer.status, body: answer.body };
  };
  return { node, synced, call };
}

/** An account as the third generation writes it. */
export const accountOf = (who: { readonly publicKey: typeof alice.publicKey }): string =>
  Buffer.from(bytesOf(who.publicKey)).toString("hex");

export const APPLICATION = { applicationId: applicationId(1) };

export async function createdGroup(api: TestApi, body: object = {}): Promise<string> {
  const { body: answer } = await api.call("POST", "/groups", {
    ...APPLICATION,
    upgradePolicy: "Automatic",
    alias: "team",
    ...body,
  });
  return (answer as { data: { groupId: string } }).data.groupId;
}

/** The body of an answer that is a success; `T` is what the test goes on with. */
export async function ok<T extends object = object>(call: ReturnType<TestApi["call"]>): Promise<T> {
  const { status, body } = await call;
  expect(body).not.toHaveProperty("error");
  expect(status).toBe(200);
  return body as T;
}
