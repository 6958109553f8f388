/**
 * Apps as the command builds them, each built once for all test files: the result is kept under the hash of everything that
 * goes into it, and what it replaces is removed. A build goes to a folder of its own first, so whoever finds the kept one finds it whole.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

export const ROOT = resolve(import.meta.dirname, "../../../..");
export const SDK = join(ROOT, "sdk/app");
export const COMMAND = join(SDK, "src/build/main.ts");
const HASH_LENGTH = 16;
const CACHE = join(ROOT, ".shoal/test-apps");

export const run = promisify(execFile);

/** PKCS #8 around a seed that everybody knows: all builds for tests have one signer. */
const KEY = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.alloc(32, 7)]).toString(
  "base64",
);
const KEY_PEM = `-----BEGIN PRIVATE KEY-----\n${KEY}\n-----END PRIVATE KEY-----\n`;

/** The module of `sdk/app/apps/<name>`. */
export async function builtApp(name: string): Promise<Uint8Array> {
  return moduleIn(await builtFolder(join(SDK, "apps", name), name));
}

/** The module of the app in `folder`; `name` tells its builds from others'. */
export async function built(folder: string, name: string): Promise<Uint8Array> {
  return moduleIn(await builtFolder(folder, name));
}

/** Where the command has written everything about the app. */
export async function builtFolder(folder: string, name: string): Promise<string> {
  const prefix = `${name.replaceAll("/", "-")}-`;
  const kept = join(CACHE, prefix + hashOf(folder));
  if (existsSync(kept)) return kept;
  await build(folder, kept);
  for (const other of globSync(`${prefix}${"[0-9a-f]".repeat(HASH_LENGTH)}`, { cwd: CACHE })) {
    if (join(CACHE, other) !== kept) await rm(join(CACHE, other), { recursive: true, force: true });
  }
  return kept;
}

async function build(folder: string, kept: string): Promise<void> {
  await mkdir(CACHE, { recursive: true });
  const fresh = await mkdtemp(join(CACHE, "building-"));
  const key = join(fresh, "key.pem");
  await writeFile(key, KEY_PEM);
  await run(process.execPath, [COMMAND, folder, "--out", fresh, "--key", key]);
  // Another test file may have been quicker; both built the same.
  await rename(fresh, kept).catch(() => rm(fresh, { recursive: true, force: true }));
}

function moduleIn(folder: string): Promise<Uint8Array> {
  const [wasm = ""] = globSync("*.wasm", { cwd: folder });
  return readFile(join(folder, wasm));
}

function hashOf(folder: string): string {
  const hash = createHash("sha256");
  for (const root of [join(SDK, "assembly"), join(SDK, "src"), folder]) {
    for (const path of globSync("**/*.{ts,json}", { cwd: root }).toSorted()) {
      hash.update(`${path}\0`).update(readFileSync(join(root, path)));
    }
  }
  return hash.digest("hex").slice(0, HASH_LENGTH);
}
