/**
 * What the compiler says, in the author's terms: it reads texts that the build has added to, and a place behind the author's
 * last line is in the code that was made for one of their methods.
 */
import type { Problem } from "./problem.ts";
import { lineOf } from "./source/lines.ts";

/** As the compiler reports; offsets count in the text that it read. */
export interface Diagnostic {
  readonly category: number;
  readonly message: string;
  readonly range: DiagnosticRange | null;
  readonly relatedRange: DiagnosticRange | null;
}

interface DiagnosticRange {
  readonly start: number;
  readonly source: { readonly normalizedPath: string } | null;
}

const ERROR = 3;

/**
 * The problem that an error of the compiler is, none for its hints. `read`: what it read of each file; `written`: the lines
 * that the author wrote of each.
 */
export function diagnosed(
  { category, message, range, relatedRange }: Diagnostic,
  read: ReadonlyMap<string, string>,
  written: ReadonlyMap<string, number>,
): readonly Problem[] {
  if (category !== ERROR) return [];
  const places = [range, relatedRange].filter((place) => place?.source && written.has(place.source.normalizedPath));
  const [place] = places;
  const path = place?.source?.normalizedPath;
  if (place === undefined || place === null || path === undefined) {
    const elsewhere = range?.source?.normalizedPath;
    return [{ message: elsewhere === undefined ? message : `${message} (in ${elsewhere})` }];
  }
  const text = read.get(path) ?? "";
  const { line, column } = lineOf(text, place.start);
  if (line <= (written.get(path) ?? 0)) return [{ path, line, column, message }];
  const [, method] = [...text.slice(0, place.start).matchAll(/function __shoal_(\w+)\(/g)].at(-1) ?? [];
  return [{ path, message: method === undefined ? message : `the method ${method}: ${message}` }];
}
