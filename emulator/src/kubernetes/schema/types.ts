/** The types of the built-in kinds, as `types.json` holds them; read when they are first asked for. */
import { readFileSync } from "node:fs";

export interface TypeDescription {
  /**
   * Type of each field: `string`, `number`, `boolean`, `any`, `Date`, `IntOrString`, the name of another type,
   * `Array<T>` or `{ [key: string]: T; }`; a format follows a colon.
   */
  readonly fields: Readonly<Record<string, string>>;
  readonly required?: readonly string[];
}

type Types = Readonly<Record<string, TypeDescription>>;

let known: Types | undefined;

export function types(): Types {
  known ??= JSON.parse(readFileSync(new URL("types.json", import.meta.url), "utf8")) as Types;
  return known;
}

/** Texts for `kubectl explain`, by type and field; a type's own under the empty field. Not kept: they are rarely asked for. */
export function descriptions(): Readonly<Record<string, Readonly<Record<string, string>>>> {
  return JSON.parse(readFileSync(new URL("descriptions.json", import.meta.url), "utf8")) as Record<
    string,
    Record<string, string>
  >;
}

export type FieldType =
  | { readonly shape: "list" | "map"; readonly of: string }
  | { readonly shape: "type"; readonly name: string }
  | { readonly shape: "plain"; readonly name: string; readonly format: string };

export function fieldType(text: string): FieldType {
  const list = /^Array<(.+)>$/.exec(text);
  if (list !== null) return { shape: "list", of: list[1] ?? "any" };
  const map = /^\{ \[key: string\]: (.+); \}/.exec(text);
  if (map !== null) return { shape: "map", of: map[1] ?? "any" };
  const [name = "any", format = ""] = text.split(":");
  return types()[name] === undefined ? { shape: "plain", name, format } : { shape: "type", name };
}
