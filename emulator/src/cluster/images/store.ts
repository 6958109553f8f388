/**
 * The local image store: one folder per image, named by its digest, never changed. An image is a folder with
 * `shoal-image.json` {name, command, args?, env?} and files; its digest covers every path and every byte, so the reference
 * names one content on every machine.
 */
import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ImageStore, ResolvedImage } from "../kubelet/driver.ts";

export const REGISTRY = "shoal.local";
export const MANIFEST = "shoal-image.json";

export interface ImageManifest {
  readonly name: string;
  readonly command: readonly string[];
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** `shoal.local/<name>@sha256:<64 hex>`; anything else is no image of ours. */
const REFERENCE = /^([a-z0-9.\-/:]+?)(?::[\w.-]+)?@sha256:([0-9a-f]{64})$/;

/** Images under `folder`. Which registry a reference names does not matter: the digest says it all. */
export function imageStore(folder: string): ImageStore {
  const known = new Map<string, ResolvedImage>();
  return {
    resolve: async (reference) => {
      const found = known.get(reference) ?? (await read(folder, reference));
      if (found !== undefined) known.set(reference, found);
      return found;
    },
  };
}

async function read(folder: string, reference: string): Promise<ResolvedImage | undefined> {
  const digest = REFERENCE.exec(reference)?.[2];
  if (digest === undefined) return undefined;
  const cwd = join(folder, digest);
  const there = await stat(cwd).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!there) return undefined;
  const manifest = await readManifest(cwd);
  return { id: reference, command: manifest.command, args: manifest.args ?? [], cwd, env: manifest.env ?? {} };
}

export async function readManifest(folder: string): Promise<ImageManifest> {
  const value = JSON.parse(await readFile(join(folder, MANIFEST), "utf8")) as Partial<ImageManifest>;
  if (typeof value.name !== "string" || !Array.isArray(value.command) || value.command.length === 0) {
    throw new Error(`${join(folder, MANIFEST)} needs a name and a command`);
  }
  return { ...value, name: value.name, command: value.command };
}

/** SHA-256 over the sorted paths and their contents. */
export async function digestOf(folder: string): Promise<string> {
  const hash = createHash("sha256");
  for (const path of await filesOf(folder)) {
    const content = await readFile(join(folder, path));
    hash.update(`${path}\0${content.length}\0`).update(content);
  }
  return hash.digest("hex");
}

/** Relative paths with forward slashes, sorted by code unit. */
export async function filesOf(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll("\\", "/"),
    )
    .sort((a, b) => (a < b ? -1 : 1));
}
