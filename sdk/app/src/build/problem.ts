/** What is wrong with an app, in its author's terms: a place in a file of theirs, and what was expected there. */

export interface Problem {
  /** Relative to the app's folder; absent where the app as a whole is meant. */
  readonly path?: string;
  /** From 1. */
  readonly line?: number;
  /** From 1. */
  readonly column?: number;
  readonly message: string;
}

/** The app cannot be built; `problems` has at least one. */
export class BuildError extends Error {
  override readonly name = "BuildError";
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(problemText).join("\n"));
    this.problems = problems;
  }
}

/** `src/app.ts:12:3: message`, as editors and terminals make links of. */
export function problemText({ path, line, column, message }: Problem): string {
  const place = [path, line, column].filter((part) => part !== undefined).join(":");
  return place === "" ? message : `${place}: ${message}`;
}
