/**
 * Writes `types.json` and `descriptions.json` from the models of client-node, which are made from Kubernetes' own OpenAPI
 * document: `node emulator/src/kubernetes/schema/generate.ts`, after client-node was raised.
 */
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { KINDS } from "../kinds.ts";
import type { TypeDescription } from "./types.ts";

const models = join(dirname(fileURLToPath(import.meta.resolve("@kubernetes/client-node"))), "gen/models");

interface Attribute {
  readonly baseName: string;
  readonly type: string;
  readonly format: string;
}

const MODEL = /\b(?:V\d\w*|CoreV1\w+|EventsV1\w+)\b/g;

async function describe(name: string): Promise<{ type: TypeDescription; texts: Record<string, string> }> {
  const module = (await import(pathToFileURL(join(models, `${name}.js`)).href)) as Record<
    string,
    { readonly attributeTypeMap: readonly Attribute[] }
  >;
  const source = await readFile(join(models, `${name}.d.ts`), "utf8");
  const attributes = module[name]?.attributeTypeMap ?? [];
  const required = attributes.filter((one) => source.includes(`    '${one.baseName}': `)).map((one) => one.baseName);
  const fields = Object.fromEntries(
    attributes.map(({ baseName, type, format }) => [
      baseName,
      format === "" || format === "date-time" ? type : `${type}:${format}`,
    ]),
  );
  return { type: required.length === 0 ? { fields } : { fields, required }, texts: descriptionsIn(source) };
}

/** The comment above each field, and that of the class under "". */
function descriptionsIn(source: string): Record<string, string> {
  const found = [...source.matchAll(/\/\*\*\n\s*\* (.*)\n\s*\*\/\n\s*(?:'([^']+)'|export declare class)/g)];
  return Object.fromEntries(
    found.map(([, text = "", field = ""]) => [field, text.replaceAll("\\'", "'").replaceAll('\\"', '"')]),
  );
}

const types: Record<string, TypeDescription> = {};
const descriptions: Record<string, Record<string, string>> = {};
const waiting = KINDS.flatMap((kind) => (kind.schema === undefined ? [] : [kind.schema]));
for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
  if (types[name] !== undefined || name === "V1MicroTime") continue;
  const { type, texts } = await describe(name);
  types[name] = type;
  descriptions[name] = texts;
  for (const field of Object.values(type.fields)) waiting.push(...(field.match(MODEL) ?? []));
}
const sorted = <T>(record: Record<string, T>): Record<string, T> =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
await writeFile(new URL("types.json", import.meta.url), `${JSON.stringify(sorted(types), null, 1)}\n`);
await writeFile(new URL("descriptions.json", import.meta.url), `${JSON.stringify(sorted(descriptions), null, 1)}\n`);
