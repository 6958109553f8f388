import { describe, expect } from "vitest";
import {
  CONFIG_MAPS,
  createObject,
  deleteObject,
  findObject,
  getObject,
  LEASES,
  NAMESPACES,
  objectPath,
  patchObject,
  PODS,
  replaceObject,
} from "@shoal/functions/adapters/kubernetes/resources.ts";
import { isConflict } from "@shoal/functions/adapters/kubernetes/error.ts";
import type { ConfigMapObject, PodObject } from "@shoal/functions/adapters/kubernetes/types.ts";
import { conformance, refusal } from "./target.ts";

conformance("writes", (target, test) => {
  const at = (name: string) => ({ namespace: target().namespace, name });
  const map = async (name: string, extra: Partial<ConfigMapObject> = {}) =>
    createObject<ConfigMapObject>(target().client, CONFIG_MAPS, { metadata: at(name), ...extra });
  const pod = (name: string): PodObject => ({
    metadata: at(name),
    spec: { containers: [{ name: "main", image: "example.com/none:1" }] },
  });

  describe("create", () => {
    test("gives an identity and makes names of a beginning", async () => {
      const body = { metadata: { generateName: "made-", namespace: target().namespace } };
      const made = await target().client.request<ConfigMapObject>(
        "POST",
        `/api/v1/namespaces/${target().namespace}/configmaps`,
        { body },
      );
      expect(made).toMatchObject({ kind: "ConfigMap", apiVersion: "v1" });
      expect(made.metadata.name).toMatch(/^made-[a-z0-9]{5}$/);
      expect(made.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
      expect(made.metadata.creationTimestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      expect(Number(made.metadata.resourceVersion)).toBeGreaterThan(0);
    });

    test("refuses a taken name with AlreadyExists", async () => {
      await map("taken");
      const error = await refusal(map("taken"));
      expect(error).toMatchObject({
        status: 409,
        reason: "AlreadyExists",
        message: 'configmaps "taken" already exists',
        details: { name: "taken", kind: "configmaps" },
      });
    });

    test("refuses an object that already has a version", async () => {
      const error = await refusal(map("versioned", { metadata: { ...at("versioned"), resourceVersion: "1" } }));
      expect(error).toMatchObject({ status: 400, reason: "BadRequest" });
    });

    test("refuses a bad name and a bad label, naming the fields", async () => {
      const labels = { "bad key": "x" };
      const error = await refusal(map("Bad_Name", { metadata: { ...at("Bad_Name"), labels } }));
      expect(error).toMatchObject({ status: 422, reason: "Invalid", details: { kind: "ConfigMap", name: "Bad_Name" } });
      expect(error.details.causes?.map((cause) => cause.field)).toEqual(["metadata.name", "metadata.labels"]);
    });

    test("refuses what has no namespace, and a namespace that is not the path's", async () => {
      const nowhere = createObject(target().client, CONFIG_MAPS, { metadata: { name: "x", namespace: "no-such" } });
      expect(await refusal(nowhere)).toMatchObject({ status: 404, message: 'namespaces "no-such" not found' });
      const path = `/api/v1/namespaces/${target().namespace}/configmaps`;
      const other = { metadata: { name: "x", namespace: "default" } };
      expect(await refusal(target().client.request("POST", path, { body: other }))).toMatchObject({ status: 400 });
    });

    test("a dry run answers and leaves nothing", async () => {
      const query = { dryRun: "All" };
      const made = await createObject(target().client, CONFIG_MAPS, { metadata: at("dry") }, { query });
      expect(made.metadata.uid).toBeDefined();
      expect(await findObject(target().client, CONFIG_MAPS, at("dry"))).toBeUndefined();
    });
  });

  describe("versions", () => {
    test("a replace needs the current one, and a stale one is a Conflict", async () => {
      const made = await map("versions");
      const next = await replaceObject(target().client, CONFIG_MAPS, { ...made, data: { a: "1" } });
      expect(Number(next.metadata.resourceVersion)).toBeGreaterThan(Number(made.metadata.resourceVersion));
      const stale = refusal(replaceObject(target().client, CONFIG_MAPS, { ...made, data: { a: "2" } }));
      expect(await stale).toMatchObject({ status: 409, reason: "Conflict", details: { name: "versions" } });
      const merge = { metadata: { resourceVersion: made.metadata.resourceVersion }, data: { a: "3" } };
      const patched = refusal(patchObject(target().client, CONFIG_MAPS, at("versions"), "merge", merge));
      expect(await patched).toMatchObject({ status: 409, reason: "Conflict" });
    });

    test("of many writers of one version exactly one wins", async () => {
      const made = await map("race");
      const writes = Array.from({ length: 8 }, async (_, i) =>
        replaceObject(target().client, CONFIG_MAPS, { ...made, data: { writer: String(i) } }),
      );
      const outcomes = await Promise.allSettled(writes);
      expect(outcomes.filter((one) => one.status === "fulfilled")).toHaveLength(1);
    });

    test("a write that changes nothing keeps the version", async () => {
      const made = await map("same", { data: { a: "1" } });
      const again = await patchObject(target().client, CONFIG_MAPS, at("same"), "merge", { data: { a: "1" } });
      expect(again.metadata.resourceVersion).toBe(made.metadata.resourceVersion);
    });

    test("a lease may not be replaced by somebody who does not say what he read", async () => {
      const lease = await createObject(target().client, LEASES, {
        metadata: at("lease"),
        spec: { leaseTransitions: 1 },
      });
      const { resourceVersion: _version, ...metadata } = lease.metadata;
      expect(await refusal(replaceObject(target().client, LEASES, { ...lease, metadata }))).toMatchObject({
        status: 422,
      });
    });

    test("another uid is a Conflict in a replace, and Invalid in a patch", async () => {
      const made = await map("uid");
      const uid = "00000000-0000-0000-0000-000000000000";
      const other = { ...made, metadata: { ...made.metadata, uid } };
      const replaced = await refusal(replaceObject(target().client, CONFIG_MAPS, other));
      expect(replaced).toMatchObject({ status: 409, reason: "Conflict" });
      const patched = await refusal(
        patchObject(target().client, CONFIG_MAPS, at("uid"), "merge", { metadata: { uid } }),
      );
      expect(patched).toMatchObject({ status: 422, reason: "Invalid" });
      expect(patched.details.causes?.[0]?.field).toBe("metadata.uid");
      expect(isConflict(patched)).toBe(true);
    });
  });

  describe("status", () => {
    test("and the rest are written apart", async () => {
      const { client } = target();
      const made = await createObject(client, PODS, { ...pod("apart"), status: { phase: "Running" } });
      expect(made.status?.phase).toBe("Pending");
      const main = { metadata: { labels: { a: "1" } }, status: { phase: "Running" } };
      const labelled = await patchObject(client, PODS, at("apart"), "merge", main);
      expect(labelled.status?.phase).toBe("Pending");
      expect(labelled.metadata.labels).toEqual({ a: "1" });
      const both = { spec: { activeDeadlineSeconds: 5 }, status: { phase: "Running", podIP: "127.0.0.9" } };
      const running = await patchObject(client, PODS, at("apart"), "merge", both, { subresource: "status" });
      expect(running.status).toMatchObject({ phase: "Running", podIP: "127.0.0.9" });
      expect(running.spec).not.toHaveProperty("activeDeadlineSeconds");
      await deleteObject(client, PODS, at("apart"), { graceSeconds: 0 });
    });
  });

  describe("pods", () => {
    test("get their defaults", async () => {
      const made = await createObject(target().client, PODS, pod("defaults"));
      expect(made.spec).toMatchObject({
        restartPolicy: "Always",
        terminationGracePeriodSeconds: 30,
        schedulerName: "default-scheduler",
        containers: [{ imagePullPolicy: "IfNotPresent", terminationMessagePath: "/dev/termination-log" }],
      });
      expect(made.spec.tolerations).toEqual(
        ["not-ready", "unreachable"].map((what) => ({
          key: `node.kubernetes.io/${what}`,
          operator: "Exists",
          effect: "NoExecute",
          tolerationSeconds: 300,
        })),
      );
      expect(made.status).toMatchObject({ phase: "Pending", qosClass: "BestEffort" });
    });

    test("that make no sense are refused with every fault", async () => {
      const containers = [
        { name: "main", image: "" },
        { name: "main", image: "x", ports: [{ containerPort: 70_000 }] },
      ];
      const error = await refusal(
        createObject(target().client, PODS, { metadata: at("nonsense"), spec: { containers } }),
      );
      expect(error).toMatchObject({ status: 422, reason: "Invalid", details: { kind: "Pod" } });
      expect(error.details.causes?.map((cause) => cause.field)).toEqual(
        expect.arrayContaining([
          "spec.containers[0].image",
          "spec.containers[1].ports[0].containerPort",
          "spec.containers[1].name",
        ]),
      );
    });

    test("with a field of the wrong type are refused as a bad request", async () => {
      const spec = { containers: [{ name: 7, image: "x" }] } as unknown as PodObject["spec"];
      const error = await refusal(createObject(target().client, PODS, { metadata: at("typed"), spec }));
      expect(error).toMatchObject({ status: 400, reason: "BadRequest" });
    });

    test("keep their spec, but for images and tolerations", async () => {
      const { client } = target();
      await createObject(client, PODS, pod("fixed"));
      const image = { spec: { containers: [{ name: "main", image: "example.com/none:2" }] } };
      const changed = await patchObject(client, PODS, at("fixed"), "strategic", image);
      expect(changed.spec.containers[0]?.image).toBe("example.com/none:2");
      const moved = refusal(patchObject(client, PODS, at("fixed"), "merge", { spec: { schedulerName: "other" } }));
      expect(await moved).toMatchObject({ status: 422, details: { causes: [{ field: "spec" }] } });
    });

    test("are bound once", async () => {
      const { client } = target();
      await createObject(client, PODS, pod("bound"));
      const bind = async (node: string) =>
        client.request("POST", objectPath(PODS, at("bound"), "binding"), {
          body: {
            apiVersion: "v1",
            kind: "Binding",
            metadata: { name: "bound" },
            target: { kind: "Node", name: node },
          },
        });
      await bind("one");
      const now = await getObject(client, PODS, at("bound"));
      expect(now.spec.nodeName).toBe("one");
      expect(now.status?.conditions).toMatchObject([{ type: "PodScheduled", status: "True" }]);
      expect(await refusal(bind("two"))).toMatchObject({ status: 409, reason: "Conflict" });
    });
  });

  describe("delete", () => {
    test("answers with what went, and 404 afterwards", async () => {
      const made = await map("goes");
      const path = objectPath(CONFIG_MAPS, at("goes"));
      const answer = await target().client.request("DELETE", path);
      expect(answer).toMatchObject({
        kind: "Status",
        status: "Success",
        details: { name: "goes", kind: "configmaps", uid: made.metadata.uid },
      });
      const error = await refusal(target().client.request("DELETE", path));
      expect(error).toMatchObject({ status: 404, reason: "NotFound", message: 'configmaps "goes" not found' });
    });

    test("keeps to its preconditions", async () => {
      await map("guarded");
      const call = deleteObject(target().client, CONFIG_MAPS, at("guarded"), { uid: "another" });
      expect(await refusal(call)).toMatchObject({ status: 409, reason: "Conflict" });
      expect(await findObject(target().client, CONFIG_MAPS, at("guarded"))).toBeDefined();
    });

    test("waits for finalizers, and takes no new ones", async () => {
      const { client } = target();
      await map("held", { metadata: { ...at("held"), finalizers: ["example.com/hold"] } });
      expect(await deleteObject(client, CONFIG_MAPS, at("held"))).toBe("deleting");
      const more = { metadata: { finalizers: ["example.com/hold", "example.com/more"] } };
      expect(await refusal(patchObject(client, CONFIG_MAPS, at("held"), "merge", more))).toMatchObject({ status: 422 });
      await patchObject(client, CONFIG_MAPS, at("held"), "merge", { metadata: { finalizers: null } });
      expect(await findObject(client, CONFIG_MAPS, at("held"))).toBeUndefined();
    });

    test("gives a pod on a node its grace, and only ever less of it", async () => {
      const { client } = target();
      await createObject(client, PODS, { ...pod("grace"), spec: { ...pod("grace").spec, nodeName: "gone" } });
      expect(await deleteObject(client, PODS, at("grace"))).toBe("deleting");
      expect((await getObject(client, PODS, at("grace"))).metadata.deletionGracePeriodSeconds).toBe(30);
      await deleteObject(client, PODS, at("grace"), { graceSeconds: 60 });
      expect((await getObject(client, PODS, at("grace"))).metadata.deletionGracePeriodSeconds).toBe(30);
      await deleteObject(client, PODS, at("grace"), { graceSeconds: 5 });
      expect((await getObject(client, PODS, at("grace"))).metadata.deletionGracePeriodSeconds).toBe(5);
      await deleteObject(client, PODS, at("grace"), { graceSeconds: 0 });
      expect(await findObject(client, PODS, at("grace"))).toBeUndefined();
    });

    test("removes a pod that no node has at once", async () => {
      const { client } = target();
      await createObject(client, PODS, pod("unscheduled"));
      await deleteObject(client, PODS, at("unscheduled"));
      expect(await findObject(client, PODS, at("unscheduled"))).toBeUndefined();
    });

    test("of a collection takes what is selected", async () => {
      const { client, namespace } = target();
      const labels = { batch: "one" };
      await map("batch-1", { metadata: { ...at("batch-1"), labels } });
      await map("batch-2", { metadata: { ...at("batch-2"), labels } });
      await map("batch-3");
      const query = { labelSelector: "batch=one" };
      await client.request("DELETE", `/api/v1/namespaces/${namespace}/configmaps`, { query });
      expect(await findObject(client, CONFIG_MAPS, at("batch-1"))).toBeUndefined();
      expect(await findObject(client, CONFIG_MAPS, at("batch-2"))).toBeUndefined();
      expect(await findObject(client, CONFIG_MAPS, at("batch-3"))).toBeDefined();
    });
  });

  describe("a namespace that goes", () => {
    test("takes nothing new", async () => {
      const { client } = target();
      const name = `${target().namespace}-gone`;
      await createObject(client, NAMESPACES, { metadata: { name } });
      const held = { metadata: { name: "held", namespace: name, finalizers: ["example.com/hold"] } };
      await createObject(client, CONFIG_MAPS, held);
      expect(await deleteObject(client, NAMESPACES, { name })).toBe("deleting");
      const late = createObject(client, CONFIG_MAPS, { metadata: { name: "late", namespace: name } });
      expect(await refusal(late)).toMatchObject({ status: 403, reason: "Forbidden" });
      await patchObject(client, CONFIG_MAPS, { namespace: name, name: "held" }, "merge", {
        metadata: { finalizers: null },
      });
    });
  });
});
