/** The node as it is deployed: one file and two packages in a folder far from the sources, which serves and runs an app. */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { createNodeClient, type NodeHttpClient } from "@shoal/client/node/client.ts";
import { expect, test } from "vitest";
import { ROOT } from "../tidy/tree.ts";
import { builtApp } from "../unit/sdk/app/built.ts";

test("one file makes its node on an empty volume, installs an app on threads of its own, runs it, and finds it again", async () => {
  const folder = await mkdtemp(join(tmpdir(), "shoal-bundle-"));
  try {
    const out = join(folder, "app");
    await promisify(execFile)(process.execPath, [join(ROOT, "node/bundle.ts"), out]);
    expect((await readdir(out)).filter((name) => name.endsWith(".mjs"))).toEqual(["node.mjs"]);
    const args = [join(out, "node.mjs"), "--home", folder, "--node", "n", "--init", "--log-level", "error"];
    args.push("--server-host", "127.0.0.1", "--server-port", "0");
    const ran = promisify(execFile)(process.execPath, args, { cwd: folder });
    await expect(ran).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining("nobody could sign in") });
    const owner = { MERO_AUTH_ADMIN_USER: "owner", MERO_AUTH_ADMIN_PASSWORD: "correct horse battery" };
    const start = () =>
      spawn(process.execPath, args, {
        cwd: folder,
        env: { ...process.env, ...owner },
        stdio: ["ignore", "pipe", "inherit"],
      });
    let child = start();
    let client = await clientOf(child);
    await client.login("owner", owner.MERO_AUTH_ADMIN_PASSWORD, "test");
    const { blobId } = await client.upload(Uint8Array.from(await builtApp("kv-store")));
    const { applicationId } = (await client.call("applications.installBlob", { body: { blobId } })).data;
    const body = { applicationId, initializationParams: [...Buffer.from("{}")] };
    const { contextId } = (await client.call("contexts.create", { body })).data;
    await client.execute({ contextId, method: "set", argsJson: { key: "a", value: "b" } });
    expect(await client.execute({ contextId, method: "get", argsJson: { key: "a" } })).toBe("b");
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);

    // The same volume again: the node that is there, not another.
    child = start();
    client = await clientOf(child);
    await client.login("owner", owner.MERO_AUTH_ADMIN_PASSWORD, "test");
    expect(await client.execute({ contextId, method: "get", argsJson: { key: "a" } })).toBe("b");
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

async function clientOf({ stdout }: ChildProcess): Promise<NodeHttpClient> {
  if (stdout === null) throw new Error("the node's output is not read");
  const { value } = await createInterface({ input: stdout })[Symbol.asyncIterator]().next();
  const { urls } = JSON.parse(String(value)) as { readonly urls: readonly string[] };
  return createNodeClient({ baseUrl: urls[0] ?? "" });
}
