/**
 * `npm run bundle:browser -- [FOLDER]`: the node of a tab as one file, and the page that shows it. Imports that a browser does
 * not have are stood in for, module by module; an import that nobody thought of fails the build.
 */
import { readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { build, type Plugin } from "esbuild";

const HERE = import.meta.dirname;
const require = createRequire(import.meta.url);
const own = (name: string): string => join(HERE, "stand-ins", name);

const STAND_INS: Readonly<Record<string, string>> = {
  "sodium-native": own("sodium-native.ts"),
  "node:crypto": own("crypto.ts"),
  "node:zlib": own("zlib.ts"),
  "node:fs": own("fs.ts"),
  "node:fs/promises": own("fs-promises.ts"),
  "node:net": own("small.ts"),
  "node:os": own("small.ts"),
  "node:perf_hooks": own("small.ts"),
  "node:stream/promises": own("stream-promises.ts"),
  "prom-client": own("prom-client.ts"),
  "node:stream": require.resolve("readable-stream"),
  stream: require.resolve("readable-stream"),
  "node:path": require.resolve("path-browserify"),
  path: require.resolve("path-browserify"),
  "node:events": require.resolve("events/"),
  "node:url": own("small.ts"),
  "@libp2p/mdns": own("mdns.ts"),
  "@libp2p/tcp": own("tcp.ts"),
  events: require.resolve("events/"),
  buffer: own("buffer.ts"),
  "node:buffer": own("buffer.ts"),
};

/** Modules that are another one in a tab: from the end of the path that is imported. */
const REPLACED: readonly (readonly [RegExp, string])[] = [
  [/\/prepare-thread\.ts$/, own("prepare-thread.ts")],
  // Error messages in fifty languages, of which one is spoken here.
  [/\/locales\/index\.js$/, own("locales.ts")],
];

const standIns: Plugin = {
  name: "stand-ins",
  setup(bundle) {
    bundle.onResolve({ filter: /^[a-z@]/ }, ({ path }) => {
      const stand = STAND_INS[path];
      return stand === undefined ? undefined : { path: stand };
    });
    bundle.onResolve({ filter: /^\./ }, ({ path, importer }) => {
      const replaced = REPLACED.find(([pattern]) => pattern.test(path));
      return replaced === undefined || importer === replaced[1] ? undefined : { path: replaced[1] };
    });
  },
};

/** Bundles the node and its page into the folder, which is emptied first. Names of files carry the hash of their content. */
export async function buildTab(out: string): Promise<void> {
  await rm(out, { recursive: true, force: true });
  const { metafile } = await build({
    entryPoints: { tab: join(HERE, "page/page.js"), page: join(HERE, "page/page.css") },
    entryNames: "[name]-[hash]",
    outdir: out,
    bundle: true,
    platform: "browser",
    target: "es2024",
    format: "esm",
    minify: true,
    keepNames: true,
    legalComments: "linked",
    inject: [own("globals.ts")],
    define: { "process.env.NODE_ENV": '"production"', global: "globalThis" },
    plugins: [standIns],
    metafile: true,
    logLevel: "warning",
    logLimit: 0,
  });
  const made = Object.keys(metafile.outputs).map((path) => basename(path));
  const named = (ending: string): string => made.find((name) => name.endsWith(ending)) ?? "";
  const page = await readFile(join(HERE, "page/page.html"), "utf8");
  const index = page.replace("%STYLE%", named(".css")).replace("%SCRIPT%", named(".js"));
  await writeFile(join(out, "index.html"), index);
  for (const name of [...made, "index.html"]) {
    await writeFile(join(out, `${name}.gz`), gzipSync(await readFile(join(out, name)), { level: 9 }));
  }
}

if (process.argv[1] === import.meta.filename) await buildTab(process.argv[2] ?? join(HERE, "../../dist/tab"));
