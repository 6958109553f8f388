/** The node as it is deployed: one file and two packages in a folder far from the sources, which serves and runs an app. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { createNodeClient } from "@shoal/client/node/client.ts";
import { initNode } from "@shoal/node/config/init.ts";
import { systemClock } from "@shoal/shared/system/clock.ts";
import { systemRandom } from "@shoal/shared/system/random.ts";
import { expect, test } from "vitest";
import { ROOT } from "../tidy/tree.ts";
import { builtApp } from "../unit/sdk/app/built.ts";

test("one file serves, installs an app on threads of its own, and runs it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "shoal-bundle-"));
  try {
    const out = join(folder, "app");
    await promisify(execFile)(process.execPath, [join(ROOT, "node/bundle.ts"), out]);
    expect((await readdir(out)).filter((name) => name.endsWith(".mjs"))).toEqual(["node.mjs"]);
    const options = { serverHost: ["127.0.0.1"], serverPort: 0, authMode: "proxy", noAdministrator: true } as const;
    await initNode({ home: folder, name: "n", options, env: {}, clock: systemClock, random: systemRandom });
    const args = [join(out, "node.mjs"), "--home", folder, "--node", "n", "--log-level", "error"];
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
    const { value } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
    const { urls } = JSON.parse(String(value)) as { readonly urls: readonly string[] };
    const client = createNodeClient({ baseUrl: urls[0] ?? "" });
    const { blobId } = await client.upload(Uint8Array.from(await builtApp("kv-store")));
    const { applicationId } = (await client.call("applications.installBlob", { body: { blobId } })).data;
    const body = { applicationId, initializationParams: [...Buffer.from("{}")] };
    const { contextId } = (await client.call("contexts.create", { body })).data;
    await client.execute({ contextId, method: "set", argsJson: { key: "a", value: "b" } });
    expect(await client.execute({ contextId, method: "get", argsJson: { key: "a" } })).toBe("b");
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
