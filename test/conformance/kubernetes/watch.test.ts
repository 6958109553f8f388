import { describe, expect } from "vitest";
import {
  collectionPath,
  CONFIG_MAPS,
  createObject,
  deleteObject,
  patchObject,
  PODS,
} from "@shoal/functions/adapters/kubernetes/resources.ts";
import { watchObjects, type WatchEvent } from "@shoal/functions/adapters/kubernetes/watch.ts";
import type { ConfigMapObject } from "@shoal/functions/adapters/kubernetes/types.ts";
import { seconds } from "@shoal/shared/base/time.ts";
import { conformance, refusal } from "./target.ts";

type Event = WatchEvent<ConfigMapObject>;

conformance("watch", (target, test) => {
  const at = (name: string) => ({ namespace: target().namespace, name });
  const map = async (name: string, labels: Record<string, string>) =>
    createObject<ConfigMapObject>(target().client, CONFIG_MAPS, { metadata: { ...at(name), labels } });
  const label = async (name: string, labels: Record<string, string | null>) =>
    patchObject(target().client, CONFIG_MAPS, at(name), "merge", { metadata: { labels } });
  const current = async (): Promise<string> => {
    const found = await target().client.request<{ metadata: { resourceVersion: string } }>(
      "GET",
      collectionPath(CONFIG_MAPS, target().namespace),
    );
    return found.metadata.resourceVersion;
  };
  const open = (resourceVersion: string, labelSelector?: string, timeout = seconds(20)) =>
    watchObjects(target().client, CONFIG_MAPS, {
      namespace: target().namespace,
      resourceVersion,
      labelSelector,
      timeout,
    });
  const said = (event: Event): string =>
    event.type === "END" || event.type === "BOOKMARK" ? event.type : `${event.type} ${event.object.metadata.name}`;
  const next = async (stream: AsyncGenerator<Event>, count: number): Promise<Event[]> => {
    const events: Event[] = [];
    for await (const event of stream) {
      if (event.type !== "BOOKMARK") events.push(event);
      if (events.length === count) break;
    }
    return events;
  };

  const all = async (stream: AsyncGenerator<Event>): Promise<Event[]> => {
    const events: Event[] = [];
    for await (const event of stream) events.push(event);
    return events;
  };

  describe("from a version", () => {
    test("every change comes once and in order, those before it opened included", async () => {
      const from = await current();
      await map("w-1", { w: "1" });
      await map("w-2", { w: "1" });
      const stream = open(from, "w=1");
      const reading = next(stream, 5);
      await label("w-1", { x: "1" });
      await deleteObject(target().client, CONFIG_MAPS, at("w-2"));
      await map("w-3", { w: "1" });
      const events = await reading;
      expect(events.map(said)).toEqual(["ADDED w-1", "ADDED w-2", "MODIFIED w-1", "DELETED w-2", "ADDED w-3"]);
      const versions = events.map((one) => Number("object" in one ? one.object.metadata.resourceVersion : Number.NaN));
      expect(versions).toEqual([...versions].sort((a, b) => a - b));
      expect(new Set(versions).size).toBe(versions.length);
    });

    test("a change of labels brings and takes what is selected", async () => {
      const from = await current();
      const reading = next(open(from, "in=1"), 4);
      await map("t-1", { in: "0" });
      await label("t-1", { in: "1" });
      await label("t-1", { more: "1" });
      await label("t-1", { in: "0" });
      await label("t-1", { in: "1" });
      const events = await reading;
      expect(events.map(said)).toEqual(["ADDED t-1", "MODIFIED t-1", "DELETED t-1", "ADDED t-1"]);
      const gone = events[2];
      expect(gone !== undefined && "object" in gone && gone.object.metadata.labels).toEqual({ in: "1", more: "1" });
    });

    test("a pod that no node has is told to go before it has gone", async () => {
      const pod = { metadata: at("brief"), spec: { containers: [{ name: "main", image: "x" }] } };
      const { metadata } = await createObject(target().client, PODS, pod);
      const watch = watchObjects(target().client, PODS, {
        namespace: target().namespace,
        resourceVersion: metadata.resourceVersion ?? "",
        timeout: seconds(20),
      });
      const types: string[] = [];
      await deleteObject(target().client, PODS, at("brief"));
      for await (const event of watch) {
        if (event.type === "BOOKMARK" || event.type === "END") continue;
        expect(event.object.metadata.deletionTimestamp).toBeDefined();
        types.push(event.type);
        if (event.type === "DELETED") break;
      }
      expect(types).toEqual(["MODIFIED", "DELETED"]);
    });

    test("a version that is no longer kept ends with an ERROR of 410", async () => {
      const from = await current();
      await map("old", {});
      target().standIn?.faults.compact();
      const [event] = await next(open(from), 1);
      expect(event).toMatchObject({ type: "END", because: "expired", error: { status: 410, reason: "Expired" } });
    });
  });

  describe("from the beginning", () => {
    test("what is there comes first, as ADDED", async () => {
      await map("b-1", { b: "1" });
      await map("b-2", { b: "1" });
      for (const from of ["", "0"]) {
        const reading = next(open(from, "b=1"), 2);
        expect((await reading).map(said).sort(), from).toEqual(["ADDED b-1", "ADDED b-2"]);
      }
    });
  });

  describe("its end", () => {
    test("comes when it was asked to", async () => {
      const from = await current();
      const events = await all(open(from, "none=1", seconds(1)));
      expect(events.at(-1)).toMatchObject({ type: "END", because: "closed" });
    });

    test("has a bookmark before it, however short the watch", async () => {
      const from = await current();
      const [bookmark] = await all(open(from, "none=1", seconds(1)));
      const version = bookmark?.type === "BOOKMARK" ? Number(bookmark.resourceVersion) : Number.NaN;
      expect(version).toBeGreaterThanOrEqual(Number(from));
    });

    test("sendInitialEvents is refused, and the client falls back", async () => {
      const path = collectionPath(CONFIG_MAPS, target().namespace);
      const query = { watch: true, sendInitialEvents: true, resourceVersionMatch: "NotOlderThan" };
      expect(await refusal(target().client.request("GET", path, { query }))).toMatchObject({ status: 422 });
    });
  });
});
