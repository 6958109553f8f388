/**
 * Builds an image from a folder: its TypeScript or JavaScript entry is bundled with everything it imports, so that an image
 * needs no `node_modules`; what else lies in the folder is copied. The result is put into the store under its digest in one
 * rename, so that nobody ever sees half an image.
 */
import { copyFile, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { build } from "esbuild";
import { digestOf, filesOf, MANIFEST, readManifest, REGISTRY, type ImageManifest } from "./store.ts";

const ENTRY = /\.(?:[cm]?ts|[cm]?js)$/;
const BUNDLE = "main.mjs";

/** What a bundle has taken in already, and what describes the source rather than the program. */
const LEFT_OUT = /(?:^|\/)(?:node_modules\/|\.|package(?:-lock)?\.json$|tsconfig[^/]*\.json$|README)|\.[cm]?ts$/;

/** Bundled CommonJS packages call `require` for Node's own modules. */
const BANNER = 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';

/** Returns `shoal.local/<name>@sha256:<digest>`; the same source gives the same reference. */
export async function buildImage(store: string, directory: string): Promise<string> {
  const source = resolve(directory);
  await mkdir(store, { recursive: true });
  const draft = await mkdtemp(join(store, ".draft-"));
  try {
    const manifest = await readManifest(source);
    await writeFile(join(draft, MANIFEST), JSON.stringify(await bundled(manifest, source, draft)));
    for (const path of await filesOf(source)) {
      if (LEFT_OUT.test(path) || path === MANIFEST || manifest.command.includes(path)) continue;
      await mkdir(dirname(join(draft, path)), { recursive: true });
      await copyFile(join(source, path), join(draft, path));
    }
    const digest = await digestOf(draft);
    await keep(draft, join(store, digest));
    return `${REGISTRY}/${manifest.name}@sha256:${digest}`;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Bundles the command's entry, if it has one, and returns the manifest that runs the bundle. */
async function bundled(manifest: ImageManifest, source: string, draft: string): Promise<ImageManifest> {
  const entry = manifest.command.find((word) => ENTRY.test(word));
  if (entry === undefined) return manifest;
  await build({
    absWorkingDir: source,
    entryPoints: [join(source, entry)],
    // Absolute, since esbuild takes it from the working directory that it was given.
    outfile: resolve(draft, BUNDLE),
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node24",
    banner: { js: BANNER },
    // Comments with paths would make the digest depend on where the source lies.
    minifyWhitespace: true,
    legalComments: "none",
    logLevel: "silent",
  });
  return { ...manifest, command: manifest.command.map((word) => (word === entry ? BUNDLE : word)) };
}

async function keep(draft: string, target: string): Promise<void> {
  const there = await stat(target).then(
    async () => (await readdir(target)).length > 0,
    () => false,
  );
  if (there) return;
  await rename(draft, target).catch(async (thrown: unknown) => {
    // Another build of the same content was faster.
    await stat(target).catch(() => {
      throw thrown;
    });
  });
}
