/**
 * Builds `node/dist` (or the folder given): the node as one file, and beside it the few packages with native code, and the page of a
 * node in a browser tab. `npm run bundle:node`; the container's image is made of it.
 */
import { existsSync } from "node:fs";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { buildTab } from "./src/browser/build.ts";

const HERE = import.meta.dirname;
const OUT = process.argv[2] ?? join(HERE, "dist");
/** Packages that bring compiled code; everything else is in the one file. */
const NATIVE = ["classic-level", "sodium-native"];

await rm(OUT, { recursive: true, force: true });
await mkdir(OUT, { recursive: true });
await build({
  entryPoints: [join(HERE, "src/bundle.ts")],
  outfile: join(OUT, "node.mjs"),
  bundle: true,
  platform: "node",
  target: "node24",
  format: "esm",
  minify: true,
  keepNames: true,
  legalComments: "linked",
  external: NATIVE,
  logLevel: "warning",
  // CommonJS packages within an ES module still ask for `require`.
  banner: {
    js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
  },
});
await writeFile(
  join(OUT, "package.json"),
  `${JSON.stringify({ name: "shoal-node", private: true, type: "module" })}\n`,
);
for (const name of await closure(NATIVE)) await copy(name);
await buildTab(join(OUT, "tab"));

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** The packages and all that they need at run time. */
async function closure(names: readonly string[]): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  const queue = [...names];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (found.has(name)) continue;
    found.add(name);
    const manifest = JSON.parse(await readFile(join(root(name), "package.json"), "utf8")) as Manifest;
    const { dependencies = {} } = manifest;
    queue.push(...Object.keys(dependencies));
  }
  return found;
}

async function copy(name: string): Promise<void> {
  await cp(root(name), join(OUT, "node_modules", name), {
    recursive: true,
    // Sources of the compiled code, and what it was compiled for elsewhere.
    filter: (source) =>
      !/\/(deps|test|docs)(\/|$)|\/prebuilds\/(?!linux)[^/]+|\.(cc|md|gyp|tsx?)$/.test(source.slice(root(name).length)),
  });
}

/** Where npm put the package: the workspaces share one folder. */
function root(name: string): string {
  const folder = [join(HERE, "node_modules", name), join(HERE, "..", "node_modules", name)].find(existsSync);
  if (folder === undefined) throw new Error(`${name} is not installed`);
  return folder;
}
