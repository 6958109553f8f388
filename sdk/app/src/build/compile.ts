/** From an app's folder to a module: reads its files, has them compiled with the library, and finishes what came out. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, normalize, posix } from "node:path";
import { main } from "./compiler.ts";
import { BuildError } from "./problem.ts";
import { type Abi, ABI_SECTION, abiOf } from "./source/abi.ts";
import { APP_FILE, type AppModel, appOf } from "./source/app-model.ts";
import { type Diagnostic, diagnosed } from "./diagnosed.ts";
import { exportedNames, wrapperName } from "./source/method.ts";
import type { SourceFile } from "./source/model.ts";
import { parseSource } from "./source/parse.ts";
import { rewritten } from "./source/rewrite.ts";
import { withSection } from "./wasm/section.ts";
import { FAILED_EXPORT, unwinding } from "./wasm/unwind.ts";

const LIBRARY = join(import.meta.dirname, "../../assembly");
const LIBRARY_NAME = "@shoal/app";
const ENTRY = "shoal-entry.ts";

/**
 * A new instance is made for every call, so nothing has to be freed: the runtime only ever takes memory. `abort` is what
 * `throw` and the standard library's checks end in.
 */
const OPTIONS = [
  "--outFile",
  "app.wasm",
  "--runtime",
  "stub",
  "--optimizeLevel",
  "3",
  "--shrinkLevel",
  "1",
  "--use",
  `abort=~lib/${LIBRARY_NAME}/failure/abort`,
  "--noColors",
] as const;

export interface Compiled {
  readonly wasm: Uint8Array;
  readonly abi: Abi;
}

/** Compiles `folder/src/app.ts` and what it imports. Throws a `BuildError` with everything that is wrong. */
export async function compile(folder: string): Promise<Compiled> {
  const files = await sourcesOf(folder);
  const { app, problems } = appOf(files);
  if (app === undefined || problems.length > 0) throw new BuildError(problems);
  const texts = new Map(files.map((file) => [file.path, rewritten(file, app)]));
  const raw = await assembled(files, new Map([...texts, [ENTRY, entryText(app)]]));
  const abi = abiOf(app);
  const wasm = withSection(unwinding(raw), ABI_SECTION, new TextEncoder().encode(JSON.stringify(abi)));
  return { wasm, abi };
}

/** The app's own files, from `src/app.ts` along its imports. */
async function sourcesOf(folder: string): Promise<readonly SourceFile[]> {
  const files = new Map<string, SourceFile>();
  const waiting = [APP_FILE];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (files.has(path)) continue;
    const text = await textOf(join(folder, path));
    if (text === undefined && path === APP_FILE) throw new BuildError([{ path, message: "there is no such file" }]);
    // A file that is imported and missing is the compiler's to report, at the import.
    if (text === undefined) continue;
    const file = parseSource(path, text);
    files.set(path, file);
    waiting.push(...file.imports.filter((name) => name.startsWith(".")).map((name) => resolved(folder, path, name)));
  }
  return [...files.values()];
}

function resolved(folder: string, from: string, name: string): string {
  const path = posix.normalize(posix.join(posix.dirname(from), name.replace(/\.ts$/, "")));
  return existsSync(join(folder, `${path}.ts`)) ? `${path}.ts` : `${path}/index.ts`;
}

function entryText(app: AppModel): string {
  const names = exportedNames(app).map((name) => `${wrapperName(name)} as ${name}`);
  return [
    `export { ${names.join(", ")} } from "./${APP_FILE.replace(/\.ts$/, "")}";`,
    `export { syncNext as __calimero_sync_next } from "${LIBRARY_NAME}/call";`,
    `export { failed as ${FAILED_EXPORT} } from "${LIBRARY_NAME}/failure";`,
  ].join("\n");
}

async function assembled(files: readonly SourceFile[], texts: ReadonlyMap<string, string>): Promise<Uint8Array> {
  let wasm: Uint8Array | undefined;
  const diagnostics: Diagnostic[] = [];
  const { error } = await main([ENTRY, ...OPTIONS], {
    readFile: (path) => libraryFile(path) ?? Promise.resolve(texts.get(normalize(path)) ?? null),
    writeFile: (_path, contents) => {
      if (typeof contents !== "string") wasm = contents;
    },
    listFiles: () => [],
    reportDiagnostic: (diagnostic) => diagnostics.push(diagnostic),
  });
  if (wasm !== undefined && error === null) return wasm;
  const problems = diagnosed(diagnostics, texts, files);
  throw new BuildError(
    problems.length > 0 ? problems : [{ message: error?.message ?? "the compiler wrote no module" }],
  );
}

/** The compiler looks for packages in folders above; the library is wherever this file is. */
function libraryFile(path: string): Promise<string | null> | undefined {
  const at = path.replaceAll("\\", "/").indexOf(`node_modules/${LIBRARY_NAME}/`);
  if (at < 0) return undefined;
  const name = path.slice(at + `node_modules/${LIBRARY_NAME}/`.length);
  return textOf(join(LIBRARY, name)).then((text) => text ?? null);
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT") return undefined;
    throw thrown;
  }
}
