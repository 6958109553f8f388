/**
 * Plants a fault in production code as it is loaded: the text of one file, altered in one place. The text must be there,
 * exactly once, so that no fault can rot away unnoticed. In a process of its own, before anything of the node is imported.
 */
import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";
import { join } from "node:path";
import { readFileSync } from "node:fs";

export interface Fault {
  readonly name: string;
  /** What stops being true. */
  readonly breaks: string;
  /** Within the node's source. */
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

const SOURCE = join(import.meta.dirname, "../../node/src");

/** The file's text with the fault in it; throws where the text to replace is not there exactly once. */
export function alteredText({ name, file, find, put }: Fault): string {
  const text = readFileSync(join(SOURCE, file), "utf8");
  const parts = text.split(find);
  if (parts.length !== 2) {
    throw new Error(`the planted fault "${name}" is to replace text that ${file} has ${parts.length - 1} times`);
  }
  return parts.join(put);
}

export function plant(fault: Fault): void {
  const source = alteredText(fault);
  const target = pathToFileURL(join(SOURCE, fault.file)).href;
  registerHooks({
    load(url, context, nextLoad) {
      if (url !== target) return nextLoad(url, context);
      return { format: "module-typescript", source, shortCircuit: true };
    },
  });
}
