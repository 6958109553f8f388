import { describe, expect } from "vitest";
import { listObjects } from "@shoal/functions/adapters/kubernetes/list.ts";
import {
  collectionPath,
  CONFIG_MAPS,
  createObject,
  deleteObject,
  objectPath,
  patchObject,
  PODS,
} from "@shoal/functions/adapters/kubernetes/resources.ts";
import type { ConfigMapObject } from "@shoal/functions/adapters/kubernetes/types.ts";
import { conformance, refusal } from "./target.ts";

interface List {
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: {
    readonly resourceVersion: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
  readonly items: readonly ConfigMapObject[];
}

conformance("reads", (target, test) => {
  const at = (name: string) => ({ namespace: target().namespace, name });
  const map = async (name: string, labels: Record<string, string> = {}) =>
    createObject<ConfigMapObject>(target().client, CONFIG_MAPS, { metadata: { ...at(name), labels } });
  const maps = () => collectionPath(CONFIG_MAPS, target().namespace);
  const list = async (query: Record<string, string | number>, accept?: string) =>
    target().client.request<List>("GET", maps(), { query, ...(accept === undefined ? {} : { accept }) });
  const named = async (labelSelector: string, fieldSelector?: string): Promise<readonly string[]> => {
    const found = await listObjects(target().client, CONFIG_MAPS, {
      namespace: target().namespace,
      labelSelector,
      fieldSelector,
      project: (object) => object.metadata.name,
    });
    return found.items;
  };

  describe("lists", () => {
    test("have a kind and a version, and items without them", async () => {
      const made = await map("shape", { group: "shape" });
      const found = await list({ labelSelector: "group=shape" });
      expect(found).toMatchObject({ kind: "ConfigMapList", apiVersion: "v1" });
      expect(Number(found.metadata.resourceVersion)).toBeGreaterThanOrEqual(Number(made.metadata.resourceVersion));
      expect(found.items).toHaveLength(1);
      expect(found.items[0]).not.toHaveProperty("kind");
      expect(found.items[0]).toMatchObject({ metadata: { name: "shape", uid: made.metadata.uid } });
    });

    test("select by labels, sets included", async () => {
      await map("l-1", { tier: "one", l: "" });
      await map("l-2", { tier: "two", l: "" });
      await map("l-3", { l: "" });
      const cases: readonly (readonly [string, readonly string[]])[] = [
        ["tier=one,l", ["l-1"]],
        ["tier==two,l", ["l-2"]],
        ["tier!=one,l", ["l-2", "l-3"]],
        ["tier in (one, two),l", ["l-1", "l-2"]],
        ["tier notin (one),l", ["l-2", "l-3"]],
        ["tier,l", ["l-1", "l-2"]],
        ["!tier,l", ["l-3"]],
        ["l=", ["l-1", "l-2", "l-3"]],
      ];
      for (const [selector, names] of cases) expect(await named(selector), selector).toEqual(names);
      expect(await refusal(list({ labelSelector: "tier in one" }))).toMatchObject({ status: 400 });
    });

    test("select by fields", async () => {
      await map("f-1", { f: "1" });
      await map("f-2", { f: "1" });
      expect(await named("f=1", "metadata.name=f-1")).toEqual(["f-1"]);
      expect(await named("f=1", "metadata.name!=f-1")).toEqual(["f-2"]);
      expect(await refusal(list({ fieldSelector: "data.x=1" }))).toMatchObject({ status: 400 });
      await createObject(target().client, PODS, {
        metadata: at("on-a-node"),
        spec: { nodeName: "somewhere", containers: [{ name: "main", image: "x" }] },
      });
      const select = async (fieldSelector: string) =>
        (
          await listObjects(target().client, PODS, {
            namespace: target().namespace,
            fieldSelector,
            project: (pod) => pod.metadata.name,
          })
        ).items;
      expect(await select("spec.nodeName=somewhere,status.phase!=Failed,status.phase!=Succeeded")).toEqual([
        "on-a-node",
      ]);
      expect(await select("spec.nodeName=")).toEqual([]);
      expect(await select("status.phase=Running")).toEqual([]);
    });

    test("take any version up to the current one as not older than it", async () => {
      await map("v-1", { v: "1" });
      const { metadata } = await list({});
      for (const resourceVersion of ["", "0", metadata.resourceVersion]) {
        const found = await list({ resourceVersion, labelSelector: "v=1" });
        expect(
          found.items.map((one) => one.metadata.name),
          resourceVersion,
        ).toEqual(["v-1"]);
      }
    });

    test("a version that is none is the caller's mistake", async () => {
      expect(await refusal(list({ resourceVersion: "x" }))).toMatchObject({ status: 400 });
    });

    test("an old exact version has expired", async () => {
      const { metadata } = await list({});
      await map("exact");
      const query = { resourceVersion: metadata.resourceVersion, resourceVersionMatch: "Exact" };
      expect(await refusal(list(query))).toMatchObject({ status: 410, reason: "Expired" });
    });
  });

  describe("pages", () => {
    test("are of one snapshot, whatever happens meanwhile", async () => {
      for (const name of ["p-1", "p-2", "p-3", "p-4", "p-5"]) await map(name, { p: "1" });
      const first = await list({ labelSelector: "p=1", limit: 2 });
      expect(first.items.map((one) => one.metadata.name)).toEqual(["p-1", "p-2"]);
      await deleteObject(target().client, CONFIG_MAPS, at("p-3"));
      await map("p-0", { p: "1" });
      await map("p-45", { p: "1" });
      const second = await list({ labelSelector: "p=1", limit: 2, continue: first.metadata.continue ?? "" });
      expect(second.items.map((one) => one.metadata.name)).toEqual(["p-3", "p-4"]);
      expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
      const third = await list({ labelSelector: "p=1", limit: 2, continue: second.metadata.continue ?? "" });
      expect(third.items.map((one) => one.metadata.name)).toEqual(["p-5"]);
      expect(third.metadata.continue ?? "").toBe("");
    });

    test("say how many are left where nothing is selected", async () => {
      const all = await list({});
      const first = await list({ limit: 1 });
      expect(first.metadata.remainingItemCount).toBe(all.items.length - 1);
    });

    test("expires with the snapshot", async () => {
      const first = await list({ limit: 1 });
      target().standIn?.faults.compact();
      const next = list({ limit: 1, continue: first.metadata.continue ?? "" });
      expect(await refusal(next)).toMatchObject({ status: 410, reason: "Expired" });
    });

    test("a token that is none is refused", async () => {
      expect(await refusal(list({ limit: 1, continue: "nonsense" }))).toMatchObject({ status: 400 });
    });
  });

  describe("forms", () => {
    test("metadata only", async () => {
      await map("meta", { meta: "1" });
      const accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json";
      const found = await list({ labelSelector: "meta=1" }, accept);
      expect(found).toMatchObject({ kind: "PartialObjectMetadataList", apiVersion: "meta.k8s.io/v1" });
      expect(found.items[0]).toMatchObject({ metadata: { name: "meta", labels: { meta: "1" } } });
      expect(found.items[0]).not.toHaveProperty("data");
    });

    test("a table", async () => {
      await map("table", { table: "1" });
      await patchObject(target().client, CONFIG_MAPS, at("table"), "merge", { data: { a: "1", b: "2" } });
      const accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
      const found = await target().client.request<{
        kind: string;
        columnDefinitions: { name: string }[];
        rows: { cells: unknown[] }[];
      }>("GET", maps(), { query: { labelSelector: "table=1" }, accept });
      expect(found.kind).toBe("Table");
      expect(found.columnDefinitions.map((one) => one.name)).toEqual(["Name", "Data", "Age"]);
      expect(found.rows[0]?.cells.slice(0, 2)).toEqual(["table", 2]);
    });

    test("protobuf alone is not to be had", async () => {
      const call = target().client.request("GET", `${maps()}/none`, { accept: "text/csv" });
      expect([404, 406]).toContain((await refusal(call)).status);
    });
  });

  describe("what is not there", () => {
    test("a path, a kind, a method and a token are refused each in its way", async () => {
      const { client } = target();
      expect(await refusal(client.request("GET", "/apis/none.example.com/v1/things"))).toMatchObject({ status: 404 });
      expect(await refusal(client.request("GET", "/api/v1/nonsense"))).toMatchObject({ status: 404 });
      expect(await refusal(client.request("POST", objectPath(CONFIG_MAPS, at("x")), { body: {} }))).toMatchObject({
        status: 405,
      });
      const call = client.request("POST", maps(), { body: { metadata: {} }, contentType: "text/plain" });
      expect(await refusal(call)).toMatchObject({ status: 415 });
    });
  });
});
