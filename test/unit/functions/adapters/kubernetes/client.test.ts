import { afterEach, describe, expect, it } from "vitest";
import { KubernetesError } from "@shoal/functions/adapters/kubernetes/error.ts";
import { listObjects } from "@shoal/functions/adapters/kubernetes/list.ts";
import { followPodLog, podLogText } from "@shoal/functions/adapters/kubernetes/logs.ts";
import {
  createObject,
  deleteObject,
  findObject,
  objectPath,
  patchObject,
  PODS,
} from "@shoal/functions/adapters/kubernetes/resources.ts";
import {
  json,
  pieces,
  pod,
  podList,
  scriptedServer,
  status,
  type ScriptedServer,
  type Step,
} from "./scripted-server.ts";

let server: ScriptedServer;
const serve = async (...steps: Step[]): Promise<ScriptedServer> => (server = await scriptedServer(steps));
afterEach(async () => server.close());

const caught = async (call: Promise<unknown>): Promise<KubernetesError> => {
  const thrown: unknown = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof KubernetesError)) throw new Error("no KubernetesError was thrown", { cause: thrown });
  return thrown;
};
const a = { namespace: "apps", name: "a" };

describe("requests", () => {
  it("sends the token and gives the parsed object", async () => {
    const { client, seen } = await serve(json(pod("a", 1)));
    expect((await client.request<{ metadata: { name: string } }>("GET", objectPath(PODS, a))).metadata.name).toBe("a");
    expect(seen[0]?.headers.authorization).toBe("Bearer let-me-in");
    expect(seen[0]?.path).toBe("/api/v1/namespaces/apps/pods/a");
  });

  it("keeps its connections: a hundred requests in turn open at most two", async () => {
    const { client, connections } = await serve(json(pod("a", 1)));
    for (let i = 0; i < 100; i++) await client.request("GET", objectPath(PODS, a));
    expect(connections()).toBeLessThanOrEqual(2);
  });

  it("lets requests pass while more streams are open than it has connections for requests", async () => {
    const { client } = await serve((response, seen) =>
      seen.path.endsWith("/log") ? pieces(["x\n"], "open")(response, seen) : json(pod("a", 1))(response, seen),
    );
    const controller = new AbortController();
    for (let i = 0; i < 20; i++) await client.stream(objectPath(PODS, a, "log"), { signal: controller.signal });
    expect(await findObject(client, PODS, a)).toBeDefined();
    controller.abort();
  });

  it("repeats a GET after 429, 503 and a cut connection", async () => {
    const { client, seen } = await serve(
      status(429, "TooManyRequests"),
      status(503, "ServiceUnavailable"),
      (response) => void response.destroy(),
      json(pod("a", 1)),
    );
    await client.request("GET", objectPath(PODS, a));
    expect(seen).toHaveLength(4);
  });

  it("waits at least as long as Retry-After says", async () => {
    const { client } = await serve(status(429, "TooManyRequests", { "retry-after": "1" }), json(pod("a", 1)));
    const before = performance.now();
    await client.request("GET", objectPath(PODS, a));
    expect(performance.now() - before).toBeGreaterThanOrEqual(990);
  });

  it("never repeats a write, and says when it may be tried again", async () => {
    const { client, seen } = await serve(status(429, "TooManyRequests", { "retry-after": "7" }), json({}));
    const error = await caught(createObject(client, PODS, { metadata: a, spec: { containers: [] } }));
    expect([error.code, error.status, error.retryAfterSeconds, seen.length]).toEqual(["rate_limited", 429, 7, 1]);
  });

  it("repeats even a write once when the token was refused, for nothing was done", async () => {
    const { client, seen } = await serve(status(401, "Unauthorized"), json(pod("a", 1)));
    await createObject(client, PODS, { metadata: a, spec: { containers: [] } });
    expect(seen).toHaveLength(2);
  });

  it("gives up at its deadline, and calls it a time-out and no answer", async () => {
    server = await scriptedServer([() => undefined], 150);
    const error = await caught(server.client.request("GET", "/slow"));
    expect([error.code, error.status, error.reason]).toEqual(["deadline_exceeded", 0, "Timeout"]);
  });

  it("calls a cancelled request cancelled", async () => {
    const { client } = await serve(() => undefined);
    const controller = new AbortController();
    const call = caught(client.request("GET", "/slow", { signal: controller.signal }));
    controller.abort();
    expect((await call).code).toBe("cancelled");
  });

  it("calls a lost network unavailable", async () => {
    server = await scriptedServer([(response) => void response.destroy()], 400);
    const error = await caught(server.client.request("POST", "/x", { body: {} }));
    expect([error.code, error.status]).toEqual(["unavailable", 0]);
  });

  it("takes a body that was cut in good order for no answer", async () => {
    const { client } = await serve(pieces(['{"metadata":'], "close"), json(pod("a", 1)));
    expect(await findObject(client, PODS, a)).toBeDefined();
  });

  it.each([
    [400, "BadRequest", "invalid_argument"],
    [403, "Forbidden", "permission_denied"],
    [404, "NotFound", "not_found"],
    [409, "AlreadyExists", "already_exists"],
    [409, "Conflict", "conflict"],
    [422, "Invalid", "invalid_argument"],
    [500, "InternalError", "unavailable"],
  ])("%i %s is %s", async (code, reason, expected) => {
    const { client } = await serve(status(code, reason));
    const error = await caught(createObject(client, PODS, { metadata: a, spec: { containers: [] } }));
    expect([error.code, error.reason, error.message]).toEqual([expected, reason, `${reason} by script`]);
  });

  it("names the kind of every patch", async () => {
    const { client, seen } = await serve(json(pod("a", 2)));
    await patchObject(client, PODS, a, "merge", { metadata: { labels: { x: "y" } } });
    expect(seen[0]?.headers["content-type"]).toBe("application/merge-patch+json");
  });

  it("tells an object that is told to go from one that is gone", async () => {
    const { client, seen } = await serve(
      json(pod("a", 2, { deletionTimestamp: "2026-01-01T00:00:00Z" })),
      status(404, "NotFound"),
      json({ kind: "Status", status: "Success" }),
    );
    expect(await deleteObject(client, PODS, a, { uid: "u1", graceSeconds: 30 })).toBe("deleting");
    expect(await deleteObject(client, PODS, a)).toBe("gone");
    expect(await deleteObject(client, PODS, a, { graceSeconds: 0 })).toBe("gone");
    expect(JSON.parse(seen[0]?.body ?? "")).toMatchObject({ gracePeriodSeconds: 30, preconditions: { uid: "u1" } });
  });
});

describe("credentials", () => {
  it("are asked for again where they could not be had, and a fault of theirs is unavailable", async () => {
    const { client, config, seen } = await serve(json(pod("a", 1)));
    let faults = 0;
    config.users = [{ name: "u", authProvider: { name: "flaky" } }];
    config.addAuthenticator({
      isAuthProvider: (user) => user.authProvider?.name === "flaky",
      applyAuthentication: async (_, options) => {
        if (faults++ < 1) throw new Error("no metadata server");
        options.headers = { Authorization: "Bearer fresh" };
      },
    });
    const error = await caught(createObject(client, PODS, { metadata: a, spec: { containers: [] } }));
    expect([error.code, error.reason]).toEqual(["unavailable", "NoCredentials"]);
    await client.request("GET", objectPath(PODS, a));
    expect(seen.map((one) => one.headers.authorization)).toEqual(["Bearer fresh"]);
  });
});

describe("lists", () => {
  const names = { project: (object: { metadata: { name: string } }) => object.metadata.name };

  it("reads page after page with the selector on each", async () => {
    const { client, seen } = await serve(
      json(podList([pod("a", 1), pod("b", 2)], 9, "next")),
      json(podList([pod("c", 3)], 9)),
    );
    expect(await listObjects(client, PODS, { ...names, labelSelector: "app=x" })).toEqual({
      items: ["a", "b", "c"],
      resourceVersion: "9",
    });
    expect(
      seen.map((one) => [one.query.get("limit"), one.query.get("continue"), one.query.get("labelSelector")]),
    ).toEqual([
      ["500", null, "app=x"],
      ["500", "next", "app=x"],
    ]);
  });

  it("starts again, without doubles, where a page's token has expired", async () => {
    const { client } = await serve(
      json(podList([pod("a", 1)], 9, "next")),
      status(410, "Expired"),
      json(podList([pod("a", 1)], 12, "other")),
      json(podList([pod("b", 2)], 12)),
    );
    expect(await listObjects(client, PODS, names)).toEqual({ items: ["a", "b"], resourceVersion: "12" });
  });

  it("drops managed fields before the projection sees the object, and what the projection drops", async () => {
    const { client } = await serve(json(podList([pod("a", 1), pod("b", 1)], 9)));
    const listed = await listObjects(client, PODS, {
      project: (object) => (object.metadata.name === "a" ? Object.keys(object.metadata) : undefined),
    });
    expect(listed.items).toEqual([["name", "namespace", "uid", "resourceVersion"]]);
  });

  it("asks for metadata only where that is enough", async () => {
    const { client, seen } = await serve(json(podList([], 9)));
    await listObjects(client, PODS, { ...names, metadataOnly: true });
    expect(seen[0]?.headers.accept).toContain("as=PartialObjectMetadataList");
  });
});

describe("logs", () => {
  it("gives text with the options asked for", async () => {
    const { client, seen } = await serve((response) => {
      response.writeHead(200, { "content-type": "text/plain" });
      response.end("one\ntwo\n");
    });
    expect(await podLogText(client, a, { container: "main", tailLines: 2, previous: true })).toBe("one\ntwo\n");
    expect(seen[0]?.query.toString()).toBe("container=main&tailLines=2&previous=true");
  });

  it("follows line by line, and ends in good order when told to", async () => {
    const { client } = await serve(pieces(["one\ntw", "o\nthr"], "open"));
    const controller = new AbortController();
    const lines: string[] = [];
    for await (const line of followPodLog(client, a, { signal: controller.signal })) {
      lines.push(line);
      if (lines.length === 2) controller.abort();
    }
    expect(lines).toEqual(["one", "two"]);
  });

  it("throws where it was cut", async () => {
    const { client } = await serve(pieces(["one\n"], "cut"));
    const read = async (): Promise<void> => {
      for await (const line of followPodLog(client, a, { signal: new AbortController().signal }))
        expect(line).toBe("one");
    };
    await expect(read()).rejects.toThrow(/./);
  });
});
