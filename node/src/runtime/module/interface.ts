/** What a module tells about itself: its methods, the generation and the kind of SDK that it was built with, its ABI section. */
import { G1_CONTEXT_CALLS, IMPORTS, type Since } from "../abi.ts";
import { refused } from "./error.ts";
import type { Sections } from "./sections.ts";

/** Exports that the node calls itself. */
const RESERVED_METHODS = "__calimero";
/** Exports that only an SDK of G3 makes. */
const G3_EXPORT = "__calimero_merge_root_state";
/** Deeper or longer than any real interface; JSON.parse recurses. */
const MAX_ABI_CHARACTERS = 4 * 1024 * 1024;

export interface ModuleInterface {
  /** Exports of the type `() -> ()`, sorted, without those that the node itself calls. */
  readonly methods: readonly string[];
  /** Names of the imported functions, in the module's order. */
  readonly imports: readonly string[];
  readonly generation: "G1" | "G2" | "G3";
  /** Which SDK: `js` apps leave their collections to the host. */
  readonly profile: "rust" | "js";
  /** JSON text of the custom section `calimero_abi_v1`. */
  readonly abi?: string;
  /** Methods that the ABI says only read. */
  readonly readOnly: readonly string[];
}

export function interfaceOf(sections: Sections): ModuleInterface {
  const abi = sections.abi === undefined ? NO_ABI : readAbi(sections.abi);
  const imports = sections.imports.map(({ name }) => name);
  return {
    methods: methodsOf(sections),
    imports,
    generation: generationOf(sections, imports, abi.isG3),
    profile: imports.some((name) => name.startsWith("js_") || name === "persist_root_state") ? "js" : "rust",
    ...(sections.abi === undefined ? {} : { abi: sections.abi }),
    readOnly: abi.readOnly,
  };
}

function methodsOf({ exports, imports, functions, types }: Sections): string[] {
  const isMethod = (index: number): boolean => {
    const type = types[imports[index]?.type ?? functions[index - imports.length] ?? -1];
    return type?.params.length === 0 && type.results.length === 0;
  };
  return exports
    .filter(({ name, kind, index }) => kind === "function" && !name.startsWith(RESERVED_METHODS) && isMethod(index))
    .map(({ name }) => name)
    .toSorted((a, b) => (a < b ? -1 : 1));
}

/** The import list decides; where it could be of either, the ABI section does, whose intents came with G3. */
function generationOf(sections: Sections, imports: readonly string[], abiIsG3: boolean): ModuleInterface["generation"] {
  const since = new Set<Since | undefined>(imports.map((name) => IMPORTS[name]?.since));
  if (since.has("G3") || since.has("G4")) return "G3";
  if (since.has("G1") || imports.some((name) => G1_CONTEXT_CALLS.includes(name))) return "G1";
  return abiIsG3 || sections.exports.some(({ name }) => name === G3_EXPORT) ? "G3" : "G2";
}

interface AbiHints {
  readonly isG3: boolean;
  readonly readOnly: readonly string[];
}

const NO_ABI: AbiHints = { isG3: false, readOnly: [] };

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Only hints are taken: whatever else the section says is its reader's business. */
function readAbi(text: string): AbiHints {
  if (text.length > MAX_ABI_CHARACTERS)
    throw refused(`the ABI section has ${text.length} characters, at most ${MAX_ABI_CHARACTERS} are allowed`);
  let abi: unknown;
  try {
    abi = JSON.parse(text);
  } catch (cause) {
    throw Object.assign(refused("the ABI section is not JSON"), { cause });
  }
  if (!isRecord(abi)) throw refused("the ABI section is not a JSON object");
  const methods = Array.isArray(abi["methods"]) ? abi["methods"].filter(isRecord) : [];
  const hints = methods.filter((method) => "intent" in method || "read_only" in method || "xcall_callable" in method);
  const readOnly = methods.flatMap((method) => (isReadOnly(method) ? [method["name"] as string] : []));
  return { isG3: hints.length > 0 || "migrations" in abi || "state_version" in abi, readOnly: readOnly.toSorted() };
}

function isReadOnly(method: Readonly<Record<string, unknown>>): boolean {
  if (typeof method["name"] !== "string") return false;
  const { intent } = method;
  return method["read_only"] === true || intent === "read" || intent === "read_only" || intent === "view";
}
