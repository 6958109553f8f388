/**
 * The text that the compiler gets for a file of the app: decorators blanked out, the state's fields made, codecs added to the
 * marked classes, and the exported methods behind the last line. Lines stay where they are, so that what the compiler says of
 * one is true of the author's text.
 */
import { createHash } from "node:crypto";
import { type AppModel, decorated, isPrivate } from "./app-model.ts";
import { codecOf } from "./codec.ts";
import { exportsOf } from "./method.ts";
import type { Field, SourceFile } from "./model.ts";

/** Under this name generated code reaches the library. */
const LIBRARY_IMPORT = 'import * as __shoal from "@shoal/app/generated";';

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export function rewritten(file: SourceFile, app: AppModel): string {
  const edits: Edit[] = file.decorators.map(({ start, end }) => ({
    start,
    end,
    text: file.text.slice(start, end).replaceAll(/[^\n]/g, " "),
  }));
  let uses = false;
  for (const model of file.classes) {
    if (model === app.state) {
      edits.push(...model.fields.map(fieldEdit));
      uses = true;
    } else if (decorated(model, "json") !== undefined || decorated(model, "event") !== undefined) {
      edits.push({ start: model.end, end: model.end, text: ` ${codecOf(model)}` });
      uses = true;
    }
  }
  const own = file.classes.includes(app.state) ? `\n${exportsOf(app)}` : "";
  return applied(file.text, edits) + (uses ? `\n${LIBRARY_IMPORT}${own}\n` : "");
}

/** `items: Map<string, string>` gets the collection that the node keeps under the field's name. */
function fieldEdit(field: Field): Edit {
  const { typeStart: start, typeEnd: end } = field;
  if (isPrivate(field)) {
    const type = field.type.text.replace(/^(Map|Register)/, "__shoal.Private$1");
    return { start, end, text: `${type} = new ${type}(${JSON.stringify(field.name)})` };
  }
  const bytes = [...collectionId(field.name)].join(",");
  return { start, end, text: `${field.type.text} = new ${field.type.text}(memory.data<u8>([${bytes}]))` };
}

/** The 32-byte id of a field's collection: the same on every replica, whoever makes it first. */
function collectionId(field: string): Uint8Array {
  return createHash("sha256").update(`shoal.collection:${field}`).digest();
}

function applied(text: string, edits: readonly Edit[]): string {
  let result = "";
  let done = 0;
  for (const { start, end, text: replacement } of edits.toSorted((a, b) => a.start - b.start)) {
    result += text.slice(done, start) + replacement;
    done = end;
  }
  return result + text.slice(done);
}
