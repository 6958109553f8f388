import { describe, expect } from "vitest";
import { PATCH } from "@shoal/functions/adapters/kubernetes/client.ts";
import {
  collectionPath,
  CONFIG_MAPS,
  createObject,
  findObject,
  getObject,
  objectPath,
  patchObject,
  PODS,
} from "@shoal/functions/adapters/kubernetes/resources.ts";
import type { ConfigMapObject, PodObject } from "@shoal/functions/adapters/kubernetes/types.ts";
import { conformance, refusal } from "./target.ts";

conformance("patches", (target, test) => {
  const at = (name: string) => ({ namespace: target().namespace, name });
  const map = async (name: string, data: Record<string, string> = {}) =>
    createObject<ConfigMapObject>(target().client, CONFIG_MAPS, { metadata: at(name), data });
  const apply = async (name: string, manager: string, body: object, force = false) =>
    target().client.request<ConfigMapObject>("PATCH", objectPath(CONFIG_MAPS, at(name)), {
      query: { fieldManager: manager, ...(force ? { force } : {}) },
      contentType: PATCH.apply,
      body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, ...body },
    });

  describe("json", () => {
    test("adds, tests and removes; what does not fit is refused", async () => {
      await map("json", { a: "1" });
      const patch = (operations: unknown) => patchObject(target().client, CONFIG_MAPS, at("json"), "json", operations);
      const added = await patch([
        { op: "test", path: "/data/a", value: "1" },
        { op: "add", path: "/data/b", value: "2" },
        { op: "remove", path: "/data/a" },
      ]);
      expect(added.data).toEqual({ b: "2" });
      expect(await refusal(patch([{ op: "test", path: "/data/b", value: "3" }]))).toMatchObject({ status: 422 });
      expect(await refusal(patch([{ op: "remove", path: "/data/none" }]))).toMatchObject({ status: 422 });
      expect(await refusal(patch({ data: {} }))).toMatchObject({ status: 400 });
    });
  });

  describe("merge", () => {
    test("sets, and removes by null", async () => {
      await map("merge", { a: "1", b: "2" });
      const merged = await patchObject(target().client, CONFIG_MAPS, at("merge"), "merge", {
        data: { a: null, c: "3" },
      });
      expect(merged.data).toEqual({ b: "2", c: "3" });
    });

    test("of a name is refused", async () => {
      await map("renamed");
      const patch = { metadata: { name: "other" } };
      const error = await refusal(patchObject(target().client, CONFIG_MAPS, at("renamed"), "merge", patch));
      expect([400, 422]).toContain(error.status);
    });
  });

  describe("strategic", () => {
    const made = async (name: string): Promise<void> => {
      const containers = [
        { name: "one", image: "x:1", env: [{ name: "A", value: "1" }] },
        { name: "two", image: "x:1" },
      ];
      await createObject<PodObject>(target().client, PODS, { metadata: at(name), spec: { containers } });
    };

    test("merges lists by key, and leaves the others alone", async () => {
      await made("by-key");
      const patch = { spec: { containers: [{ name: "two", image: "x:2" }] } };
      const changed = await patchObject(target().client, PODS, at("by-key"), "strategic", patch);
      expect(changed.spec.containers.map((one) => `${one.name} ${one.image}`)).toEqual(["one x:1", "two x:2"]);
      expect(changed.spec.containers[0]?.env).toEqual([{ name: "A", value: "1" }]);
    });

    test("knows conditions, finalizers and its directives", async () => {
      await made("directives");
      const { client } = target();
      const ready = { type: "Ready", status: "True" };
      const status = { status: { conditions: [ready] } };
      await patchObject(client, PODS, at("directives"), "strategic", status, { subresource: "status" });
      const more = { status: { conditions: [{ type: "Other", status: "False" }] } };
      const both = await patchObject(client, PODS, at("directives"), "strategic", more, { subresource: "status" });
      expect(both.status?.conditions?.map((one) => one.type).sort()).toEqual(["Other", "Ready"]);
      const gone = { status: { conditions: [{ type: "Other", $patch: "delete" }] } };
      const one = await patchObject(client, PODS, at("directives"), "strategic", gone, { subresource: "status" });
      expect(one.status?.conditions?.map((each) => each.type)).toEqual(["Ready"]);
      const hold = { metadata: { finalizers: ["example.com/a"] } };
      await patchObject(client, PODS, at("directives"), "strategic", hold);
      const second = { metadata: { finalizers: ["example.com/b"] } };
      const held = await patchObject(client, PODS, at("directives"), "strategic", second);
      expect([...(held.metadata.finalizers ?? [])].sort()).toEqual(["example.com/a", "example.com/b"]);
      const release = { metadata: { "$deleteFromPrimitiveList/finalizers": ["example.com/a", "example.com/b"] } };
      const free = await patchObject(client, PODS, at("directives"), "strategic", release);
      expect(free.metadata.finalizers).toBeUndefined();
    });
  });

  describe("apply", () => {
    test("makes what is not there, and takes back what its manager no longer names", async () => {
      await apply("applied", "first", { data: { a: "1", b: "2" } });
      const again = await apply("applied", "first", { data: { a: "1" } });
      expect(again.data).toEqual({ a: "1" });
      expect(again.metadata).toHaveProperty("managedFields", [
        expect.objectContaining({ manager: "first", operation: "Apply", fieldsV1: { "f:data": { "f:a": {} } } }),
      ]);
    });

    test("of the same again changes nothing", async () => {
      const one = await apply("twice", "first", { data: { a: "1" } });
      const two = await apply("twice", "first", { data: { a: "1" } });
      expect(two.metadata.resourceVersion).toBe(one.metadata.resourceVersion);
    });

    test("by a second manager conflicts, naming the first; by force it takes over", async () => {
      await apply("fought", "first", { data: { a: "1" } });
      const error = await refusal(apply("fought", "second", { data: { a: "2" } }));
      expect(error).toMatchObject({ status: 409, reason: "Conflict" });
      expect(error.message).toContain('conflict with "first"');
      expect(error.details.causes).toMatchObject([{ reason: "FieldManagerConflict", field: ".data.a" }]);
      const forced = await apply("fought", "second", { data: { a: "2" } }, true);
      expect(forced.data).toEqual({ a: "2" });
      expect(await refusal(apply("fought", "first", { data: { a: "3" } }))).toMatchObject({ status: 409 });
    });

    test("of one value by two managers is shared, and stays until both let go", async () => {
      await apply("shared", "first", { data: { a: "1" } });
      await apply("shared", "second", { data: { a: "1" } });
      expect((await apply("shared", "first", {})).data).toEqual({ a: "1" });
      expect((await apply("shared", "second", {})).data ?? {}).toEqual({});
    });

    test("meets what a plain write set", async () => {
      await map("plain", { a: "1" });
      expect(await refusal(apply("plain", "first", { data: { a: "2" } }))).toMatchObject({ status: 409 });
      const beside = await apply("plain", "first", { data: { b: "2" } });
      expect(beside.data).toEqual({ a: "1", b: "2" });
    });

    test("merges the items of keyed lists", async () => {
      const applyPod = async (manager: string, containers: object[]) =>
        target().client.request<PodObject>("PATCH", objectPath(PODS, at("items")), {
          query: { fieldManager: manager, force: true },
          contentType: PATCH.apply,
          body: { apiVersion: "v1", kind: "Pod", metadata: { name: "items" }, spec: { containers } },
        });
      await applyPod("first", [{ name: "one", image: "x:1" }]);
      const changed = await applyPod("second", [{ name: "one", image: "x:2" }]);
      expect(changed.spec.containers).toMatchObject([{ name: "one", image: "x:2", imagePullPolicy: "IfNotPresent" }]);
    });

    test("needs a manager", async () => {
      const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "nobody" } };
      const path = objectPath(CONFIG_MAPS, at("nobody"));
      const call = target().client.request("PATCH", path, { contentType: PATCH.apply, body });
      expect((await refusal(call)).status).toBeGreaterThanOrEqual(400);
      expect(await findObject(target().client, CONFIG_MAPS, at("nobody"))).toBeUndefined();
    });
  });

  describe("what is not known", () => {
    test("unknown fields are dropped", async () => {
      await createObject(target().client, CONFIG_MAPS, { metadata: at("pruned"), nonsense: 1 } as ConfigMapObject);
      expect(await getObject(target().client, CONFIG_MAPS, at("pruned"))).not.toHaveProperty("nonsense");
    });

    test("strict validation refuses what the kind does not have", async () => {
      const body = { metadata: at("strict"), nonsense: 1 };
      const path = collectionPath(CONFIG_MAPS, target().namespace);
      const call = target().client.request("POST", path, { body, query: { fieldValidation: "Strict" } });
      const error = await refusal(call);
      expect(error).toMatchObject({ status: 400 });
      expect(error.message).toContain('unknown field "nonsense"');
    });

    test("another dialect is refused by name", async () => {
      await map("dialect");
      const path = objectPath(CONFIG_MAPS, at("dialect"));
      const call = target().client.request("PATCH", path, { body: {}, contentType: "application/json" });
      expect(await refusal(call)).toMatchObject({ status: 415, reason: "UnsupportedMediaType" });
    });

    test("custom resources keep a generation and know no strategic merge", async () => {
      const { client } = target();
      const path = "/apis/karpenter.sh/v1/nodepools";
      const made = await client.request<PodObject>("POST", path, {
        body: { metadata: { name: "pool" }, spec: { limits: { cpu: 1 } } },
      });
      expect(made.metadata.generation).toBe(1);
      const merge = async (body: object, sub = "") =>
        client.request<PodObject>("PATCH", `${path}/pool${sub}`, { body, contentType: PATCH.merge });
      expect((await merge({ spec: { limits: { cpu: 2 } } })).metadata.generation).toBe(2);
      expect((await merge({ status: { x: 1 }, metadata: { labels: { a: "1" } } }, "/status")).metadata).toMatchObject({
        generation: 2,
      });
      const call = client.request("PATCH", `${path}/pool`, { body: {}, contentType: PATCH.strategic });
      expect(await refusal(call)).toMatchObject({ status: 415 });
    });
  });
});
