/**
 * kubectl against the stand-in with a cluster behind it, as a person at a terminal uses it. Needs kubectl >= 1.30 on the PATH;
 * without one every case is skipped, and says so.
 */
import { execFileSync, spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NAMESPACE, podWhen, isReady, startHarness, webPod, type Harness } from "../cluster/harness.ts";

const OLDEST_MINOR = 30;

/** Why kubectl cannot be used here; undefined where it can. */
function missing(): string | undefined {
  try {
    const text = execFileSync("kubectl", ["version", "--client", "-o", "json"], { encoding: "utf8" });
    const { clientVersion } = JSON.parse(text) as { clientVersion: { minor: string; gitVersion: string } };
    return Number.parseInt(clientVersion.minor, 10) >= OLDEST_MINOR
      ? undefined
      : `kubectl ${clientVersion.gitVersion} is older than 1.${OLDEST_MINOR}`;
  } catch {
    return "there is no kubectl on the PATH";
  }
}

const reason = missing();
if (reason !== undefined) console.info(`the cases of kubectl are skipped: ${reason}`);

describe.skipIf(reason !== undefined)(`kubectl${reason === undefined ? "" : ` (${reason})`}`, () => {
  let harness: Harness;
  let manifest: string;
  const kubectl = async (...args: string[]) => harness.kubectl(...args);
  beforeAll(async () => {
    harness = await startHarness();
    await harness.startHere();
    manifest = join(harness.dataDir, "web.json");
    await writeFile(manifest, JSON.stringify({ apiVersion: "v1", kind: "Pod", ...webPod("web", harness.image) }));
  });
  afterAll(async () => harness.close());

  it("applies, waits and shows", async () => {
    expect(await kubectl("apply", "-f", manifest)).toBe("pod/web created\n");
    expect(await kubectl("wait", "pod/web", "--for=condition=Ready", "--timeout=30s")).toContain("condition met");
    expect(await kubectl("apply", "-f", manifest)).toBe("pod/web unchanged\n");
    const [head, row] = (await kubectl("get", "pods", "-o", "wide")).split("\n");
    expect(head?.split(/\s{2,}/)).toEqual([
      "NAME",
      "READY",
      "STATUS",
      "RESTARTS",
      "AGE",
      "IP",
      "NODE",
      "NOMINATED NODE",
      "READINESS GATES",
    ]);
    expect(row).toMatch(/^web\s+1\/1\s+Running\s+0\s+\d+s\s+127\.\S+\s+app-\d/);
    expect(await kubectl("get", "nodes")).toMatch(/app-1\s+Ready\s+<none>/);
    expect(await kubectl("describe", "pod", "web")).toMatch(/Events:[\s\S]*Successfully assigned apps\/web to app-/);
    expect(await kubectl("get", "events")).toMatch(/Normal\s+Scheduled\s+pod\/web/);
  });

  it("watches", async () => {
    const args = ["--kubeconfig", harness.kubeconfigPath, "-n", NAMESPACE, "get", "pods", "-w", "--show-labels"];
    const child = spawn("kubectl", args, { stdio: ["ignore", "pipe", "inherit"] });
    const lines: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line);
      if (lines.length === 2) await kubectl("label", "pod", "web", "seen=yes");
      if (line.includes("seen=yes")) break;
    }
    child.kill();
    expect(lines[0]).toContain("LABELS");
    expect(lines.at(-1)).toMatch(/^web .*seen=yes/);
  });

  it("reads logs and runs commands", async () => {
    expect(await kubectl("logs", "web")).toContain("listening on 127.");
    expect((await kubectl("logs", "web", "--limit-bytes=9")).length).toBe(9);
    expect(await kubectl("exec", "web", "--", "sh", "-c", "echo out")).toBe("out\n");
    await expect(kubectl("exec", "web", "--", "sh", "-c", "exit 7")).rejects.toMatchObject({ code: 7 });
    await expect(kubectl("logs", "web", "-c", "none")).rejects.toThrow("container none is not valid for pod web");
  });

  it("changes: label, annotate, patch, server-side apply", async () => {
    expect(await kubectl("annotate", "pod", "web", "note=1")).toContain("annotated");
    expect(await kubectl("patch", "pod", "web", "-p", '{"metadata":{"labels":{"p":"1"}}}')).toContain("patched");
    expect(await kubectl("apply", "--server-side", "--force-conflicts", "-f", manifest)).toContain(
      "serverside-applied",
    );
    const labels = await kubectl("get", "pod", "web", "-o", "jsonpath={.metadata.labels}");
    expect(JSON.parse(labels)).toEqual({ app: "web", seen: "yes", p: "1" });
    expect(await kubectl("explain", "pod.spec.containers.image")).toContain("Container image name");
  });

  it("creates by its typed clients, which speak protobuf", async () => {
    expect(await kubectl("create", "configmap", "made", "--from-literal=a=1")).toBe("configmap/made created\n");
    expect(await kubectl("create", "secret", "generic", "hidden", "--from-literal=p=q")).toBe(
      "secret/hidden created\n",
    );
    expect(await kubectl("get", "secret", "hidden", "-o", "jsonpath={.data.p}")).toBe("cQ==");
    expect(await kubectl("create", "pdb", "web", "--selector=app=web", "--min-available=50%")).toContain("created");
    expect(await kubectl("get", "pdb", "web", "-o", "jsonpath={.spec}")).toContain('"minAvailable":"50%"');
    await kubectl("delete", "pdb", "web");
    expect(await kubectl("create", "token", "default")).toMatch(/^eyJ/);
    expect(await kubectl("auth", "whoami")).toContain("system:masters");
    expect(await kubectl("auth", "can-i", "delete", "nodes")).toBe("yes\n");
  });

  it("cordons, drains, taints and opens again", async () => {
    const node = await kubectl("get", "pod", "web", "-o", "jsonpath={.spec.nodeName}");
    expect(await kubectl("cordon", node)).toContain("cordoned");
    expect(await kubectl("get", "node", node)).toContain("Ready,SchedulingDisabled");
    await expect(kubectl("drain", node, "--timeout=5s")).rejects.toThrow("declare no controller");
    expect(await kubectl("drain", node, "--force", "--timeout=30s")).toContain("drained");
    expect(await kubectl("uncordon", node)).toContain("uncordoned");
    expect(await kubectl("taint", "node", node, "a=b:NoSchedule")).toContain("tainted");
    expect(await kubectl("taint", "node", node, "a-")).toContain("untainted");
    expect(await kubectl("describe", "node", node)).toMatch(/HolderIdentity:\s+app-/);
  });

  it("deletes, and waits until it is gone", async () => {
    await kubectl("apply", "-f", manifest);
    await podWhen(harness.client, "web", isReady, "is ready");
    expect(await kubectl("delete", "pod", "web", "--timeout=30s")).toContain('pod "web" deleted');
    expect(await kubectl("get", "pods")).toBe("");
    await kubectl("create", "namespace", "short");
    await kubectl("create", "configmap", "inside", "-n", "short");
    expect(await kubectl("delete", "namespace", "short", "--timeout=30s")).toContain("deleted");
  });

  it("shows the kinds of Karpenter", async () => {
    const pool = {
      apiVersion: "karpenter.sh/v1",
      kind: "NodePool",
      metadata: { name: "pool" },
      spec: { limits: { cpu: 1 } },
    };
    const path = join(harness.dataDir, "pool.json");
    await writeFile(path, JSON.stringify(pool));
    expect(await kubectl("apply", "-f", path)).toContain("created");
    expect(await kubectl("get", "nodepools,nodeclaims,ec2nodeclasses")).toMatch(
      /NAME\s+NODECLASS\s+NODES\s+READY\s+AGE/,
    );
  });
});
