/** What the port says when the API refuses, loses or cuts something; and logs, whose refusals come while they are read. */
import { afterEach, describe, expect, it } from "vitest";
import { createPodLogs, createPods } from "@shoal/functions/adapters/kubernetes/pods/index.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { Secret } from "@shoal/shared/base/secret.ts";
import type { LogOptions, Pods } from "@shoal/shared/ports/pods.ts";
import { pieces, pod, json, scriptedServer, status, type ScriptedServer, type Step } from "./scripted-server.ts";

let server: ScriptedServer;
const serve = async (...steps: Step[]): Promise<Pods> => {
  server = await scriptedServer(steps, 300);
  return createPods({
    client: server.client,
    clock: systemClock,
    log: silentLog,
    secrets: { stateToken: new Secret("token"), rabbitmqUrl: undefined },
  });
};
afterEach(async () => server.close());

const silence: Step = () => undefined;
const terminating: Step = json(
  {
    kind: "Status",
    code: 403,
    reason: "Forbidden",
    message: "because it is being terminated",
    details: { causes: [{ reason: "NamespaceTerminating", field: "metadata.namespace" }] },
  },
  403,
);

describe("an error", () => {
  it.each<[string, Step, string, object]>([
    ["no answer in time", silence, "unavailable", { reason: "Timeout" }],
    ["a lost connection", (response) => void response.destroy(), "unavailable", { status: 0 }],
    ["refused credentials", status(401, "Unauthorized"), "permission_denied", { code: "unauthenticated" }],
    ["a missing right", status(403, "Forbidden"), "permission_denied", { status: 403 }],
    ["a namespace that is going", terminating, "unavailable", { status: 403 }],
    ["a missing namespace", status(404, "NotFound"), "unavailable", { code: "not_found" }],
    ["a conflict of writers", status(409, "Conflict"), "unavailable", { code: "conflict" }],
    ["an expired version", status(410, "Expired"), "unavailable", { status: 410 }],
    ["an object that is refused", status(422, "Invalid"), "invalid_argument", { status: 422 }],
    ["a method that is not allowed", status(405, "MethodNotAllowed"), "unavailable", { status: 405 }],
    ["too many requests", status(429, "TooManyRequests"), "rate_limited", { status: 429 }],
    ["the API's own fault", status(500, "InternalError"), "unavailable", { status: 500 }],
    ["a gateway without an answer", status(504, "Timeout"), "unavailable", { code: "deadline_exceeded" }],
  ])("of the API keeps to the port's codes: %s", async (_, step, code, cause) => {
    const pods = await serve(step);
    const manifest = { namespace: "apps", name: "a", processorId: "prc-a", epoch: 1, specHash: "", object: {} };
    const thrown: unknown = await pods
      .create({ ...manifest, object: pod("a", 1) as never })
      .catch((error: unknown) => error);
    expect(thrown).toMatchObject({ name: "ShoalError", code, cause });
    if (code === "rate_limited") expect(thrown).toMatchObject({ retryAfterSeconds: 1 });
  });

  it("of an observation is the port's as well", async () => {
    const pods = await serve(status(401, "Unauthorized"));
    const options = { since: "5", quiet: 10, atMost: 100 } as never;
    await expect(pods.observePods(options)).rejects.toMatchObject({ code: "permission_denied" });
    await expect(pods.observeHosts(options)).rejects.toMatchObject({ code: "permission_denied" });
  });
});

describe("a log", () => {
  const read = async (options: LogOptions): Promise<string[]> => {
    const lines: string[] = [];
    for await (const line of await createPodLogs(server.client)("apps", "a", options)) lines.push(line);
    return lines;
  };

  it.each([true, false])("of a pod that does not exist is not found, at once (follow: %s)", async (follow) => {
    const pods = await serve(status(404, "NotFound"), silence);
    await expect(pods.logs("apps", "a", { follow })).rejects.toMatchObject({ code: "not_found" });
    expect(server.seen).toHaveLength(1);
  });

  it("of a container that has not started is refused at once", async () => {
    const pods = await serve(status(400, "BadRequest"), silence);
    await expect(pods.logs("apps", "a", { follow: true })).rejects.toMatchObject({ code: "invalid_argument" });
  });

  it("is bounded unless told otherwise, and read as it comes", async () => {
    await serve(pieces(["one\ntw", "o\n"], "close"));
    expect(await read({ follow: false })).toEqual(["one", "two"]);
    expect(await read({ follow: false, tailLines: 2, previous: true })).toEqual(["one", "two"]);
    expect(server.seen.map((one) => one.query.toString())).toEqual(["tailLines=1000", "tailLines=2&previous=true"]);
  });

  it("gives its first lines while the API still sends the others", async () => {
    const pods = await serve(pieces(["one\n"], "open"));
    const end = new AbortController();
    const lines = await pods.logs("apps", "a", { follow: false, signal: end.signal });
    const iterator = lines[Symbol.asyncIterator]();
    expect(await iterator.next()).toEqual({ done: false, value: "one" });
    end.abort();
    expect(await iterator.next()).toMatchObject({ done: true });
  });

  it.each([-1, 1.5, 10_001, Number.NaN])("has no %s last lines", async (tailLines) => {
    await serve(silence);
    await expect(read({ follow: false, tailLines })).rejects.toMatchObject({
      code: "invalid_argument",
      field: "tailLines",
    });
  });

  it("that is followed is asked for first, then opened, and ends in good order when told to", async () => {
    const pods = await serve(json(""), pieces(["one\n"], "open"));
    const end = new AbortController();
    const lines: string[] = [];
    for await (const line of await pods.logs("apps", "a", { follow: true, tailLines: 5, signal: end.signal })) {
      lines.push(line);
      end.abort();
    }
    expect(lines).toEqual(["one"]);
    expect(server.seen.map((one) => one.query.toString())).toEqual(["tailLines=0", "tailLines=5&follow=true"]);
  });

  it.each([true, false])("that nobody waits for any more ends in good order (follow: %s)", async (follow) => {
    await serve(silence);
    const end = new AbortController();
    const lines = read({ follow, signal: end.signal });
    await expect.poll(() => server.seen.length).toBe(1);
    end.abort();
    expect(await lines).toEqual([]);
  });

  it.each([true, false])("that is cut says so (follow: %s)", async (follow) => {
    const cut = pieces(["one\n"], "cut");
    await serve(...(follow ? [json(""), cut] : [cut]));
    await expect(read({ follow })).rejects.toMatchObject({ code: "unavailable", cause: expect.anything() as unknown });
  });
});
