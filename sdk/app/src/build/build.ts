/** One build: from an app's folder to its module, its ABI and its signed bundle. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { descriptionOf } from "./bundle/description.ts";
import { packed } from "./bundle/pack.ts";
import { signingKey } from "./bundle/signing-key.ts";
import { compile } from "./compile.ts";

export interface BuildInput {
  /** Holds `app.json` and `src/app.ts`. */
  readonly folder: string;
  /** Made where it is missing; `dist` within the folder where left out. */
  readonly out?: string;
  /** The author's key, made where it is missing; `.shoal/signing-key.pem` within the folder where left out. */
  readonly key?: string;
}

export interface BuildOutput {
  readonly wasm: string;
  readonly abi: string;
  readonly bundle: string;
  readonly wasmBytes: number;
  readonly bundleBytes: number;
}

/** Writes `<name>.wasm`, `abi.json` and `<name>-<version>.mpk`; the paths are what it returns. Throws a `BuildError`. */
export async function build({ folder, out = join(folder, "dist"), key }: BuildInput): Promise<BuildOutput> {
  const description = await descriptionOf(folder);
  const signer = await signingKey(key ?? join(folder, ".shoal/signing-key.pem"));
  const { wasm, abi } = await compile(folder);
  const abiBytes = new TextEncoder().encode(`${JSON.stringify(abi, undefined, 2)}\n`);
  const bundle = await packed(description, wasm, abiBytes, signer);
  const name = description.package.slice(description.package.lastIndexOf(".") + 1);
  const paths = {
    wasm: join(out, `${name}.wasm`),
    abi: join(out, "abi.json"),
    bundle: join(out, `${name}-${description.version}.mpk`),
  };
  await mkdir(out, { recursive: true });
  await Promise.all([writeFile(paths.wasm, wasm), writeFile(paths.abi, abiBytes), writeFile(paths.bundle, bundle)]);
  return { ...paths, wasmBytes: wasm.length, bundleBytes: bundle.length };
}
