import { createHash, createPublicKey, verify } from "node:crypto";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { extract } from "tar-stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { manifestDigest, manifestPayload, parseManifest } from "@shoal/shared/wire/bundle.ts";
import { publicKeyOf } from "@shoal/shared/wire/signer-id.ts";
import { COMMAND, run, SDK } from "./built.ts";

const APP = join(SDK, "apps/kv-store");

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "shoal-app-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function command(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    return { code: 0, ...(await run(process.execPath, [COMMAND, ...args])) };
  } catch (thrown) {
    return thrown as { code: number; stdout: string; stderr: string };
  }
}

async function filesOf(bundle: Uint8Array): Promise<ReadonlyMap<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const tar = extract();
  tar.end(gunzipSync(bundle));
  for await (const entry of tar) files.set(entry.header.name, await buffer(entry));
  return files;
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

describe("the command", () => {
  test("writes module, ABI and a bundle that its key has signed", async () => {
    const key = join(folder, "keys/author.pem");
    const { code, stdout } = await command(APP, "--out", join(folder, "out"), "--key", key);
    expect(code).toBe(0);
    expect(stdout).toContain("kv-store-1.0.0.mpk");
    expect((await stat(key)).mode & 0o777).toBe(0o600);

    const files = await filesOf(await readFile(join(folder, "out/kv-store-1.0.0.mpk")));
    expect([...files.keys()]).toEqual(["manifest.json", "app.wasm", "abi.json"]);
    const raw = JSON.parse(files.get("manifest.json")?.toString() ?? "") as Record<string, unknown>;
    const manifest = parseManifest(raw);
    expect(manifest).toMatchObject({ package: "com.shoal.examples.kv-store", appVersion: "1.0.0" });
    expect(manifest.wasm?.hash).toBe(sha256(files.get("app.wasm") ?? Buffer.of()));
    expect(manifest.abi?.hash).toBe(sha256(files.get("abi.json") ?? Buffer.of()));

    const publicKey = Buffer.from(manifest.signature?.publicKey ?? "", "base64url");
    expect(Buffer.from(publicKeyOf(manifest.signerId ?? ""))).toEqual(publicKey);
    const signature = Buffer.from(manifest.signature?.signature ?? "", "base64url");
    const keyObject = createPublicKey({
      key: { kty: "OKP", crv: "Ed25519", x: publicKey.toString("base64url") },
      format: "jwk",
    });
    expect(verify(null, manifestDigest(manifestPayload(raw)), keyObject, signature)).toBe(true);

    // The same app and key give the same bytes, so that anybody can check what a bundle was built from.
    const again = await command(APP, "--out", join(folder, "again"), "--key", key);
    expect(again.code).toBe(0);
    expect(sha256(await readFile(join(folder, "again/kv-store-1.0.0.mpk")))).toBe(
      sha256(await readFile(join(folder, "out/kv-store-1.0.0.mpk"))),
    );

    const module = new WebAssembly.Module(await readFile(join(folder, "out/kv-store.wasm")));
    const [section] = WebAssembly.Module.customSections(module, "calimero_abi_v1");
    const abi = JSON.parse(await readFile(join(folder, "out/abi.json"), "utf8")) as { methods: { name: string }[] };
    expect(JSON.parse(Buffer.from(section ?? new ArrayBuffer()).toString())).toEqual(abi);
    const exported = WebAssembly.Module.exports(module).map(({ name }) => name);
    expect(exported.toSorted()).toEqual(
      ["__calimero_sync_next", "memory", ...abi.methods.map(({ name }) => name)].toSorted(),
    );
  });

  test("signs with no key that is not one, and does not show what the file holds", async () => {
    const key = join(folder, "secret.txt");
    await writeFile(key, "a secret of another kind");
    const { code, stderr } = await command(APP, "--out", join(folder, "none"), "--key", key);
    expect(code).toBe(1);
    expect(stderr).toBe(`${key}: expected an Ed25519 private key as PKCS #8 PEM\n`);
  });

  test.each([[[]], [["a", "b"]], [[APP, "--fast"]]])("tells its usage for %j", async (args) => {
    const { code, stderr } = await command(...args);
    expect(code).toBe(2);
    expect(stderr).toContain("usage: shoal-app <app-folder> [--out dir] [--key file]");
  });

  test("says what is wrong with an app, one place a line", async () => {
    await writeFile(join(folder, "app.json"), JSON.stringify({ package: "notes", version: "1", name: "Notes" }));
    const { code, stderr } = await command(folder);
    expect(code).toBe(1);
    expect(stderr.trim().split("\n")).toEqual([
      "app.json: package: expected reverse DNS, such as org.example.notes",
      "app.json: version: expected a semantic version, such as 1.4.0",
    ]);
  });
});
