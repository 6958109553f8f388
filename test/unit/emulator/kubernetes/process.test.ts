/** What outlasts a kill, asked of a real process that is really killed. */
import { spawn, type ChildProcess } from "node:child_process";
import { appendFile, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { kubernetesClient, type KubernetesClient } from "@shoal/functions/adapters/kubernetes/client.ts";
import { kubeConfigFrom } from "@shoal/functions/adapters/kubernetes/credentials.ts";
import { listObjects } from "@shoal/functions/adapters/kubernetes/list.ts";
import { startReflector } from "@shoal/functions/adapters/kubernetes/reflector.ts";
import { CONFIG_MAPS, createObject, deleteObject } from "@shoal/functions/adapters/kubernetes/resources.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { seeded } from "@shoal/shared/base/random.ts";
import { eventually, systemClock } from "../../../support/clock.ts";

let folder: string;
let child: ChildProcess | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "shoal-kubernetes-"));
});
afterEach(async () => {
  await kill();
  await rm(folder, { recursive: true, force: true });
});

async function start(port: number): Promise<{ url: string; kubeconfig: string }> {
  const entry = join(import.meta.dirname, "../../../../emulator/src/kubernetes/process.ts");
  const env = {
    PATH: process.env["PATH"] ?? "",
    KUBERNETES_DATA_DIR: folder,
    KUBERNETES_PORT: String(port),
    LOG_LEVEL: "error",
  };
  child = spawn(process.execPath, [entry], { env, stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout ?? process.stdin });
  const line = await new Promise<string>((resolve, reject) => {
    lines.once("line", resolve);
    child?.once("exit", (code) => reject(new Error(`it ended with ${code}`)));
  });
  return JSON.parse(line) as { url: string; kubeconfig: string };
}

async function kill(): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child?.once("exit", resolve));
  child.kill("SIGKILL");
  await ended;
}

async function clientOf(kubeconfig: string): Promise<KubernetesClient> {
  const config = await kubeConfigFrom(await readFile(kubeconfig, "utf8"));
  return kubernetesClient({ config, clock: systemClock, random: seeded(1) });
}

const names = async (client: KubernetesClient) =>
  listObjects(client, CONFIG_MAPS, { namespace: "default", project: (object) => object.metadata.name });

describe("a kill", () => {
  it("loses nothing that was answered, and the count goes on; clients go on by themselves", async () => {
    const first = await start(0);
    const port = Number(new URL(first.url).port);
    const client = await clientOf(first.kubeconfig);
    expect((await stat(first.kubeconfig)).mode & 0o777).toBe(0o600);
    const reflector = startReflector({ client, resource: CONFIG_MAPS, log: silentLog, namespace: "default" });
    await reflector.synced;
    const answered: string[] = [];
    const write = async (writer: number): Promise<void> => {
      for (let i = 0; ; i++) {
        const name = `w-${writer}-${i}`;
        try {
          await createObject(client, CONFIG_MAPS, { metadata: { name, namespace: "default" } });
        } catch {
          return;
        }
        answered.push(name);
        if (answered.length === 100) child?.kill("SIGKILL");
      }
    };
    await Promise.all([write(0), write(1), write(2), write(3)]);
    await kill();
    // A line that was cut by the kill was never answered.
    await appendFile(join(folder, "objects.jsonl"), '{"r":999999,"k":"configmaps","n":"default/torn","o":{"kin');
    const second = await start(port);
    expect(second.url).toBe(first.url);
    const after = await names(client);
    expect(after.items).toEqual(expect.arrayContaining(answered));
    expect(after.items).not.toContain("torn");
    const made = await createObject(client, CONFIG_MAPS, { metadata: { name: "later", namespace: "default" } });
    expect(Number(made.metadata.resourceVersion)).toBeGreaterThan(Number(after.resourceVersion));
    await eventually(() => reflector.store.get("default/later"), "the reflector goes on");
    expect([...reflector.store.keys()].sort()).toEqual((await names(client)).items.map((name) => `default/${name}`));
    await reflector.stop();
    await client.close();
  });

  it("leaves deleted what was deleted", async () => {
    const { kubeconfig, url } = await start(0);
    const client = await clientOf(kubeconfig);
    const at = { name: "gone", namespace: "default" };
    await createObject(client, CONFIG_MAPS, { metadata: at });
    await deleteObject(client, CONFIG_MAPS, at);
    const before = await names(client);
    await kill();
    await start(Number(new URL(url).port));
    const after = await names(client);
    expect(after.items).not.toContain("gone");
    expect(Number(after.resourceVersion)).toBeGreaterThanOrEqual(Number(before.resourceVersion));
    await client.close();
  });
});
