/** The example processors as images of the local store, so that a first template needs no build. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildImage } from "../cluster/images/build.ts";

const EXAMPLES = ["host-metrics", "word-count"] as const;

/** References (`shoal.local/<name>@sha256:<digest>`) by name. */
export async function buildExamples(dataDir: string): Promise<Readonly<Record<string, string>>> {
  const store = join(dataDir, "cluster", "images");
  const folder = (name: string): string =>
    fileURLToPath(new URL(`../../../sdk/processor/examples/${name}`, import.meta.url));
  const built = await Promise.all(EXAMPLES.map(async (name) => [name, await buildImage(store, folder(name))] as const));
  return Object.fromEntries(built);
}
