import { describe, expect } from "vitest";
import { kubernetesClient, type KubernetesClient } from "@shoal/functions/adapters/kubernetes/client.ts";
import { fullKubeConfigFrom } from "@shoal/functions/adapters/kubernetes/credentials.ts";
import {
  createObject,
  deleteObject,
  DISRUPTION_BUDGETS,
  findObject,
  getObject,
  objectPath,
  patchObject,
  PODS,
  replaceObject,
} from "@shoal/functions/adapters/kubernetes/resources.ts";
import { seeded } from "@shoal/shared/base/random.ts";
import { systemClock } from "../../support/clock.ts";
import { conformance, refusal } from "./target.ts";

conformance("sub-resources and reviews", (target, test) => {
  const at = (name: string) => ({ namespace: target().namespace, name });
  const running = async (name: string, labels: Record<string, string> = {}): Promise<void> => {
    const { client } = target();
    const containers = [{ name: "main", image: "x" }];
    await createObject(client, PODS, {
      metadata: { ...at(name), labels },
      spec: { nodeName: "some-node", containers },
    });
    const status = { phase: "Running", conditions: [{ type: "Ready", status: "True" }] };
    await patchObject(client, PODS, at(name), "merge", { status }, { subresource: "status" });
  };
  /** In the version that discovery names, as kubectl chooses it. */
  const evict = async (name: string, deleteOptions: object = {}) => {
    const { resources } = await target().client.request<{
      resources: { name: string; group?: string; version?: string }[];
    }>("GET", "/api/v1");
    const { group, version } = resources.find((one) => one.name === "pods/eviction") ?? {};
    return target().client.request("POST", objectPath(PODS, at(name), "eviction"), {
      body: { apiVersion: `${group}/${version}`, kind: "Eviction", metadata: at(name), deleteOptions },
    });
  };
  const budget = async (name: string, disruptionsAllowed: number): Promise<void> => {
    const { client } = target();
    const spec = { minAvailable: 1, selector: { matchLabels: { budget: name } } };
    const made = await createObject(client, DISRUPTION_BUDGETS, { metadata: at(name), spec });
    const status = {
      disruptionsAllowed,
      currentHealthy: 1 + disruptionsAllowed,
      desiredHealthy: 1,
      expectedPods: 2,
      observedGeneration: made.metadata.generation ?? 1,
    };
    await replaceObject(client, DISRUPTION_BUDGETS, { ...made, status }, { subresource: "status" });
  };

  describe("eviction", () => {
    test("only marks a pod that a node has", async () => {
      await running("marked");
      expect(await evict("marked")).toMatchObject({ kind: "Status", status: "Success" });
      const pod = await getObject(target().client, PODS, at("marked"));
      expect(pod.metadata.deletionTimestamp).toBeDefined();
      expect(pod.metadata.deletionGracePeriodSeconds).toBe(30);
      expect(await refusal(evict("no-such"))).toMatchObject({ status: 404 });
      await deleteObject(target().client, PODS, at("marked"), { graceSeconds: 0 });
    });

    test("a budget without an allowance answers 429 with its cause", async () => {
      await running("kept", { budget: "strict" });
      await budget("strict", 0);
      const error = await refusal(evict("kept"));
      expect(error).toMatchObject({ status: 429, reason: "TooManyRequests" });
      expect(error.details.causes).toMatchObject([{ reason: "DisruptionBudget" }]);
      expect(error.details.causes?.[0]?.message).toBe(
        "The disruption budget strict needs 1 healthy pods and has 1 currently",
      );
      expect((await getObject(target().client, PODS, at("kept"))).metadata.deletionTimestamp).toBeUndefined();
    });

    test("a budget with an allowance lets one go, and counts it at once", async () => {
      await running("one", { budget: "loose" });
      await running("two", { budget: "loose" });
      await budget("loose", 1);
      const outcomes = await Promise.allSettled([evict("one"), evict("two")]);
      expect(outcomes.filter((each) => each.status === "fulfilled")).toHaveLength(1);
      const counted = await getObject(target().client, DISRUPTION_BUDGETS, at("loose"));
      expect(counted.status?.disruptionsAllowed).toBe(0);
      expect(Object.keys(counted.status?.disruptedPods ?? {})).toHaveLength(1);
    });
  });

  describe("logs and exec", () => {
    test("of a pod without a node, or with an unknown container, are a bad request", async () => {
      const containers = [{ name: "main", image: "x" }];
      await createObject(target().client, PODS, { metadata: at("nowhere"), spec: { containers } });
      const log = async (query: Record<string, string>) =>
        target().client.request("GET", objectPath(PODS, at("nowhere"), "log"), { query, accept: "*/*" });
      expect(await refusal(log({ container: "other" }))).toMatchObject({ status: 400 });
      expect(await refusal(log({ tailLines: "-1" }))).toBeDefined();
    });
  });

  describe("reviews", () => {
    test("tell what the administrator may do", async () => {
      const review = await target().client.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {
        body: { spec: { resourceAttributes: { verb: "create", resource: "pods", namespace: target().namespace } } },
      });
      expect(review).toMatchObject({ kind: "SelfSubjectAccessReview", status: { allowed: true } });
    });

    test("says who asks", async () => {
      const path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
      const review = await target().client.request<{ status: { userInfo: { groups: string[] } } }>("POST", path, {
        body: {},
      });
      expect(review.status.userInfo.groups).toContain("system:authenticated");
    });

    test("do not know a token that nobody gave", async () => {
      const path = "/apis/authentication.k8s.io/v1/tokenreviews";
      const review = await target().client.request("POST", path, { body: { spec: { token: "nonsense" } } });
      expect(review).toMatchObject({ kind: "TokenReview", status: { user: {} } });
      expect(review).not.toHaveProperty("status.authenticated", true);
    });
  });

  describe("tokens", () => {
    test("a service account's token is his who has it, for a while, and gives no rights", async () => {
      const { client, namespace, kubeconfig } = target();
      const account = { metadata: at("worker") };
      const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
      await client.request("POST", accounts, { body: account });
      const { status } = await client.request<{ status: { token: string; expirationTimestamp: string } }>(
        "POST",
        `${accounts}/worker/token`,
        { body: { spec: { expirationSeconds: 600 } } },
      );
      expect(Date.parse(status.expirationTimestamp)).toBeGreaterThan(systemClock.now());
      const reviewed = await client.request("POST", "/apis/authentication.k8s.io/v1/tokenreviews", {
        body: { spec: { token: status.token } },
      });
      expect(reviewed).toMatchObject({
        status: { authenticated: true, user: { username: `system:serviceaccount:${namespace}:worker` } },
      });
      const worker = await clientWith(kubeconfig, status.token);
      expect(await refusal(findObject(worker, PODS, at("kept")))).toMatchObject({ status: 403, reason: "Forbidden" });
      await client.request("DELETE", `${accounts}/worker`);
      expect(await refusal(findObject(worker, PODS, at("kept")))).toMatchObject({ status: 401 });
      await worker.close();
    });

    test("without a token nobody is answered", async () => {
      const stranger = await clientWith(target().kubeconfig, "nonsense");
      expect(await refusal(findObject(stranger, PODS, at("kept")))).toMatchObject({
        status: 401,
        reason: "Unauthorized",
      });
      await stranger.close();
    });
  });

  describe("discovery", () => {
    test("names the eviction's version, by which drain chooses", async () => {
      const { resources } = await target().client.request<{
        resources: { name: string; kind: string; group?: string }[];
      }>("GET", "/api/v1");
      expect(resources.find((one) => one.name === "pods/eviction")).toMatchObject({
        kind: "Eviction",
        group: "policy",
      });
      expect(resources.find((one) => one.name === "pods")).toMatchObject({ kind: "Pod", shortNames: ["po"] });
    });

    test("aggregates where v2 is asked, and not where v2beta1 is", async () => {
      const accept = (version: string) =>
        `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList,application/json`;
      const ask = async (version: string) => target().client.request("GET", "/apis", { accept: accept(version) });
      expect(await ask("v2")).toMatchObject({ kind: "APIGroupDiscoveryList" });
      expect(await ask("v2beta1")).toMatchObject({
        kind: expect.stringMatching(/^APIGroup(Discovery)?List$/) as string,
      });
    });

    test("answers probes and says its version", async () => {
      for (const path of ["/healthz", "/readyz", "/livez"]) {
        expect(await target().client.request("GET", path)).toBe("ok");
      }
      expect(await target().client.request("GET", "/version")).toMatchObject({ major: "1" });
    });
  });
});

/** The same API, asked by somebody else. */
async function clientWith(kubeconfig: string, token: string): Promise<KubernetesClient> {
  const config = await fullKubeConfigFrom(kubeconfig);
  config.users = config.users.map(({ name }) => ({ name, token }));
  return kubernetesClient({ config, clock: systemClock, random: seeded(3) });
}
