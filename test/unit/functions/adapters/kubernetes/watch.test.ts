import { afterEach, describe, expect, it } from "vitest";
import { startReflector, type Reflector } from "@shoal/functions/adapters/kubernetes/reflector.ts";
import { PODS } from "@shoal/functions/adapters/kubernetes/resources.ts";
import type { PodObject } from "@shoal/functions/adapters/kubernetes/types.ts";
import { watchObjects, watchUntilQuiet, type WatchEvent } from "@shoal/functions/adapters/kubernetes/watch.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { milliseconds, seconds } from "@shoal/shared/base/time.ts";
import { eventually } from "../../../../support/clock.ts";
import {
  event,
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
const reflectors: Reflector<PodObject>[] = [];
const serve = async (...steps: Step[]): Promise<ScriptedServer> => (server = await scriptedServer(steps));
afterEach(async () => {
  for (const reflector of reflectors.splice(0)) await reflector.stop();
  await server.close();
});

const ERROR_410 = event("ERROR", { kind: "Status", code: 410, reason: "Expired", message: "too old" });
const said = (one: WatchEvent<PodObject>): string => {
  if (one.type === "END") return one.because;
  if (one.type === "BOOKMARK") return `bookmark ${one.resourceVersion}`;
  return `${one.type} ${one.object.metadata.name}`;
};
async function watched(timeoutMs = 2_000, signal?: AbortSignal): Promise<string[]> {
  const all: string[] = [];
  for await (const one of watchObjects(server.client, PODS, {
    resourceVersion: "5",
    timeout: milliseconds(timeoutMs),
    ...(signal === undefined ? {} : { signal }),
  })) {
    all.push(said(one));
  }
  return all;
}

describe("one watch", () => {
  it("gives events and bookmarks, without managed fields, and says that the server closed it", async () => {
    await serve(
      pieces(
        [
          event("ADDED", pod("a", 6)) + event("MODIFIED", pod("a", 7)),
          event("BOOKMARK", { metadata: { resourceVersion: "9" } }),
          event("DELETED", pod("a", 10)),
        ],
        "close",
      ),
    );
    expect(await watched()).toEqual(["ADDED a", "MODIFIED a", "bookmark 9", "DELETED a", "closed"]);
    expect(server.seen[0]?.query.get("resourceVersion")).toBe("5");
    expect(server.seen[0]?.query.get("allowWatchBookmarks")).toBe("true");
  });

  it("joins lines that were cut anywhere, even inside a character", async () => {
    const bytes = Buffer.from(event("ADDED", pod("größe-日本", 6)));
    const singles = Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
    await serve(pieces(singles, "close"));
    expect(await watched()).toEqual(["ADDED größe-日本", "closed"]);
  });

  it.each<[string, Step, string[]]>([
    ["410 inside the stream", pieces([event("ADDED", pod("a", 6)), ERROR_410], "close"), ["ADDED a", "expired"]],
    ["410 as the answer", status(410, "Expired"), ["expired"]],
    ["a cut stream", pieces([event("ADDED", pod("a", 6))], "cut"), ["ADDED a", "failed"]],
    ["a stream that ends inside a line", pieces(['{"type":"ADDED"'], "close"), ["failed"]],
    ["an event without its line end", pieces([event("ADDED", pod("a", 6)).trimEnd()], "close"), ["failed"]],
    ["garbage", pieces(["<html>\n"], "close"), ["failed"]],
    ["an event of unknown type", pieces([event("SURPRISE", pod("a", 6))], "close"), ["failed"]],
    ["500", status(500, "InternalError"), ["failed"]],
    ["429", status(429, "TooManyRequests"), ["failed"]],
  ])("says why it ended: %s", async (_, step, expected) => {
    await serve(step);
    expect(await watched()).toEqual(expected);
  });

  it("ends at its deadline where the server does not, and when aborted", async () => {
    await serve(pieces([event("ADDED", pod("a", 6))], "open"));
    expect(await watched(50)).toEqual(["ADDED a", "deadline"]);
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    expect(await watched(20_000, controller.signal)).toEqual(["ADDED a", "aborted"]);
  });
});

describe("the short watch of a pass", () => {
  const options = { resourceVersion: "5", quiet: milliseconds(100), atMost: seconds(5) };

  it("returns what happened and where to go on, soon after the last event", async () => {
    await serve(pieces([event("ADDED", pod("a", 6)), event("DELETED", pod("b", 8))], "open"));
    const before = performance.now();
    const result = await watchUntilQuiet(server.client, PODS, options);
    expect(performance.now() - before).toBeLessThan(2_000);
    if (result.state !== "current") throw new Error("expired");
    expect(result.events.map(said)).toEqual(["ADDED a", "DELETED b"]);
    expect([result.resourceVersion, result.more]).toEqual(["8", false]);
  });

  it("stays where it was when nothing happened, and takes a bookmark's version", async () => {
    await serve(pieces([], "open"), pieces([event("BOOKMARK", { metadata: { resourceVersion: "77" } })], "open"));
    expect(await watchUntilQuiet(server.client, PODS, options)).toEqual({
      state: "current",
      events: [],
      resourceVersion: "5",
      more: false,
    });
    expect(await watchUntilQuiet(server.client, PODS, options)).toMatchObject({ resourceVersion: "77" });
  });

  it("does not take a slow server for a quiet one", async () => {
    await serve(async (response, seen) => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      await pieces([event("ADDED", pod("a", 6))], "open")(response, seen);
    });
    expect(await watchUntilQuiet(server.client, PODS, options)).toMatchObject({ resourceVersion: "6" });
  });

  it("stops at its limit under steady noise and says that there is more", async () => {
    await serve(
      pieces(
        Array.from({ length: 200 }, (_, i) => event("MODIFIED", pod("a", 6 + i))),
        "open",
      ),
    );
    const result = await watchUntilQuiet(server.client, PODS, { ...options, atMost: milliseconds(250) });
    expect(result).toMatchObject({ state: "current", more: true });
  });

  it("says when the version has expired, both ways", async () => {
    await serve(pieces([ERROR_410], "close"), status(410, "Expired"));
    expect(await watchUntilQuiet(server.client, PODS, options)).toEqual({ state: "expired" });
    expect(await watchUntilQuiet(server.client, PODS, options)).toEqual({ state: "expired" });
  });

  it("throws where nothing is known, and keeps what came before a cut", async () => {
    await serve(status(503, "ServiceUnavailable"), pieces([event("ADDED", pod("a", 6))], "cut"));
    await expect(watchUntilQuiet(server.client, PODS, options)).rejects.toMatchObject({ code: "unavailable" });
    expect(await watchUntilQuiet(server.client, PODS, options)).toMatchObject({ resourceVersion: "6", more: true });
  });
});

describe("the reflector", () => {
  function reflect(heard: string[] = [], relistMs = 600_000): Reflector<PodObject> {
    const reflector = startReflector({
      client: server.client,
      resource: PODS,
      log: silentLog,
      relistEvery: milliseconds(relistMs),
      handler: {
        changed: (object, before) => {
          heard.push(`${before === undefined ? "new" : "changed"} ${object.metadata.name}`);
          if (object.metadata.name === "poison") throw new Error("a handler's fault");
        },
        deleted: (object) => heard.push(`deleted ${object.metadata.name}`),
      },
    });
    reflectors.push(reflector);
    return reflector;
  }
  const list = (...items: object[]): Step => json(podList(items, 10));
  const calm = pieces([], "open");

  it("lists, watches from there, and survives a handler that throws", async () => {
    await serve(
      list(pod("a", 1), pod("poison", 2)),
      pieces([event("DELETED", pod("a", 11)), event("ADDED", pod("b", 12))], "open"),
    );
    const heard: string[] = [];
    const reflector = reflect(heard);
    await reflector.synced;
    await eventually(() => (reflector.store.has("apps/b") ? true : undefined), "b arrives");
    expect(heard).toEqual(["new a", "new poison", "deleted a", "new b"]);
    expect(server.seen[1]?.query.get("resourceVersion")).toBe("10");
    expect([...reflector.store.keys()]).toEqual(["apps/poison", "apps/b"]);
  });

  it("goes on from the last version after a cut, garbage and a 500", async () => {
    await serve(
      list(),
      pieces([event("ADDED", pod("a", 11))], "cut"),
      pieces([event("ADDED", pod("b", 12)), "garbage\n"], "open"),
      status(500, "InternalError"),
      pieces([event("ADDED", pod("c", 13))], "open"),
    );
    const reflector = reflect();
    await eventually(() => (reflector.store.has("apps/c") ? true : undefined), "c arrives");
    expect(server.seen.map((one) => one.query.get("resourceVersion"))).toEqual([null, "10", "11", "12", "12"]);
    expect(reflector.store.size).toBe(3);
  });

  it.each<[string, Step]>([
    ["inside the stream", pieces([ERROR_410], "close")],
    ["as the answer", status(410, "Expired")],
  ])("lists anew after 410 %s, and tells only what differs", async (_, expired) => {
    const heard: string[] = [];
    await serve(
      list(pod("same", 1), pod("gone", 2), pod("reborn", 3)),
      expired,
      list(pod("same", 1), pod("reborn", 9, { uid: "another" }), pod("late", 8)),
      calm,
    );
    const reflector = reflect(heard);
    await eventually(
      () => (reflector.store.has("apps/late") && !reflector.store.has("apps/gone") ? true : undefined),
      "relist",
    );
    expect(heard.slice(3)).toEqual(["deleted reborn", "new reborn", "new late", "deleted gone"]);
  });

  it("lists anew when its time has come, though the watch is calm", async () => {
    await serve(list(), calm, list(pod("missed", 4)), calm);
    const reflector = reflect([], 200);
    await eventually(() => (reflector.store.has("apps/missed") ? true : undefined), "the missed pod is found");
  });

  it("starts although the first lists fail", async () => {
    await serve(status(403, "Forbidden"), status(403, "Forbidden"), list(pod("a", 1)), calm);
    const reflector = reflect();
    await reflector.synced;
    expect(reflector.store.size).toBe(1);
  });
});
