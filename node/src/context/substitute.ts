/** Aliases within arguments (G1/G2): the string `{name}` stands for the identity that the name is an alias of. */
import type { Json } from "@shoal/shared/base/canonical-json.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { ExecuteFailure } from "./execute-failure.ts";

/** How deep arguments may be nested where aliases are replaced in them; the parser itself has no limit, the walk needs one. */
const MAX_DEPTH = 512;

/**
 * `args` with every string that is exactly `{name}` or contains it replaced, for each of `names`. Throws
 * `AliasResolutionFailed` for a name that nothing is known under. Keys of objects stay as they are.
 */
export async function substitute(
  args: Uint8Array,
  names: readonly string[],
  lookup: (name: string) => Promise<string | undefined>,
): Promise<Uint8Array> {
  if (names.length === 0) return args;
  const identities = new Map<string, string>();
  for (const name of names) {
    const identity = await lookup(name);
    if (identity === undefined) throw new ExecuteFailure({ type: "AliasResolutionFailed", alias: name });
    identities.set(`{${name}}`, identity);
  }
  const replaced = walk(JSON.parse(new TextDecoder().decode(args)) as Json, identities, 0);
  return new TextEncoder().encode(JSON.stringify(replaced));
}

function walk(value: Json, identities: ReadonlyMap<string, string>, depth: number): Json {
  if (depth > MAX_DEPTH) throw new ShoalError("invalid_argument", `arguments are nested deeper than ${MAX_DEPTH}`);
  if (typeof value === "string") {
    let text = value;
    for (const [alias, identity] of identities) text = text.replaceAll(alias, identity);
    return text;
  }
  if (Array.isArray(value)) return value.map((item: Json) => walk(item, identities, depth + 1));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, walk(member, identities, depth + 1)]));
  }
  return value;
}
