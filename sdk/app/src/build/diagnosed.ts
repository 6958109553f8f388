/**
 * What the compiler says, in the author's terms. It reads texts that the build has added to: a place behind the author's last
 * line is in the code that was made for one of their methods. And it reads the library, where a wrong use of a type comes to
 * light; what that means for the author is in the rules below.
 */
import { type Problem, problemText } from "./problem.ts";
import { lineOf } from "./source/lines.ts";
import type { SourceFile } from "./source/model.ts";

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

/** What an error within the library means; the first that matches. `of`: the class of the author's that it is about. */
const RULES: readonly { readonly when: RegExp; readonly means: string }[] = [
  {
    when: /^Property '__(?:encode|decode)' does not exist on type '(?<of>.+)'/,
    means: "does not travel as JSON: mark its class with @json, or with @event where it is emitted",
  },
  {
    when: /^Type '(?<of>\w+)' cannot be nullable/,
    means: "cannot be null: read it with getOr, which takes what to answer where there is nothing",
  },
  { when: /^Property '__create' does not exist/, means: "open(key) is for maps whose values are collections" },
  { when: /^User-defined: "(?<text>.+)"$/, means: "" },
];

/**
 * The problems that a compiler's errors are, without its hints. `read`: what it read of each file; `files`: what the author
 * wrote. An error within the library that no rule explains counts only where there is nothing else to say.
 */
export function diagnosed(
  diagnostics: readonly Diagnostic[],
  read: ReadonlyMap<string, string>,
  files: readonly SourceFile[],
): readonly Problem[] {
  const errors = diagnostics.filter(({ category }) => category === ERROR);
  const explained = errors.flatMap((error) => placed(error, read, files) ?? ruled(error, files) ?? []);
  // One wrong use may come to light in several places of the library.
  const once = new Map(explained.map((problem) => [problemText(problem), problem]));
  if (once.size > 0) return [...once.values()];
  return errors.map(({ message, range }) => {
    const within = range?.source?.normalizedPath;
    return { message: within === undefined ? message : `${message} (in ${within})` };
  });
}

/** An error at a place in one of the author's files. */
function placed(
  { message, range, relatedRange }: Diagnostic,
  read: ReadonlyMap<string, string>,
  files: readonly SourceFile[],
): Problem | undefined {
  for (const place of [range, relatedRange]) {
    const file = files.find(({ path }) => path === place?.source?.normalizedPath);
    if (place === null || file === undefined) continue;
    const text = read.get(file.path) ?? "";
    const { line, column } = lineOf(text, place.start);
    if (line <= file.text.split("\n").length) return { path: file.path, line, column, message };
    const [, method] = [...text.slice(0, place.start).matchAll(/function __shoal_(\w+)\(/g)].at(-1) ?? [];
    return { path: file.path, message: method === undefined ? message : `the method ${method}: ${message}` };
  }
  return undefined;
}

/** An error within the library that a rule explains; placed at the author's class, where it is about one. */
function ruled({ message }: Diagnostic, files: readonly SourceFile[]): Problem | undefined {
  for (const { when, means } of RULES) {
    const groups = when.exec(message)?.groups;
    if (groups === undefined && !when.test(message)) continue;
    if (groups?.["text"] !== undefined) return { message: groups["text"] };
    const name = groups?.["of"]?.split("/").at(-1);
    const text = name === undefined ? means : `${name} ${means}`;
    for (const { path, text: source, classes } of files) {
      const found = classes.find((model) => model.name === name);
      if (found !== undefined) return { path, ...lineOf(source, found.place.at), message: text };
    }
    return { message: text };
  }
  return undefined;
}
