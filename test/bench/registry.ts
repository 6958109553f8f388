/** The benches by name, in the order of the road. Each is loaded when it is asked for, so one's peers cost the others nothing. */
import type { Bench } from "./harness.ts";

const NAMES = [
  "dispatch",
  "enqueue",
  "placement",
  "reconcile",
  "bus",
  "execute",
  "meter",
  "dag",
  "sync",
  "converge",
  "join",
  "mesh",
  "node",
  "start",
] as const;

/** The bench of that name; undefined where there is none. An error inside of its module is thrown. */
export async function findBench(name: string): Promise<Bench | undefined> {
  if (!NAMES.some((known) => known === name)) return undefined;
  try {
    const module = (await import(new URL(`./${name}.ts`, import.meta.url).href)) as { readonly bench: Bench };
    return module.bench;
  } catch (thrown) {
    if (isMissing(thrown, `/bench/${name}.ts`)) return undefined;
    throw thrown;
  }
}

export async function listBenches(): Promise<readonly Bench[]> {
  const found = await Promise.all(NAMES.map(findBench));
  return found.filter((bench) => bench !== undefined);
}

/** Whether it is the bench's own file that does not exist, rather than one that it imports. */
function isMissing(thrown: unknown, path: string): boolean {
  if (!(thrown instanceof Error) || !("code" in thrown) || thrown.code !== "ERR_MODULE_NOT_FOUND") return false;
  return "url" in thrown && typeof thrown.url === "string" && thrown.url.endsWith(path);
}
