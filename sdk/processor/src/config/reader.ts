/** Reads typed values from an environment and collects everything that is wrong with it, so that all is said at once. */
import { ShoalError } from "@shoal/shared/base/errors.ts";

export type Env = Readonly<Record<string, string | undefined>>;

export class EnvReader {
  readonly #env: Env;
  readonly #problems: string[] = [];

  constructor(env: Env) {
    this.#env = env;
  }

  /** The first of `names` that is set and not empty. */
  text(...names: readonly string[]): string | undefined {
    for (const name of names) {
      const value = this.#env[name];
      if (value !== undefined && value !== "") return value;
    }
    return undefined;
  }

  matching(name: string, shape: RegExp, expectation: string): string | undefined {
    const value = this.text(name);
    if (value !== undefined && !shape.test(value)) this.problem(name, `has to be ${expectation}`);
    return value;
  }

  number(name: string, range: { min: number; max: number; whole?: boolean }, fallback: number): number {
    const text = this.text(name);
    if (text === undefined) return fallback;
    const value = Number(text);
    const fits = value >= range.min && value <= range.max && (range.whole === false || Number.isInteger(value));
    if (fits) return value;
    const kind = range.whole === false ? "a number" : "a whole number";
    this.problem(name, `has to be ${kind} from ${range.min} to ${range.max}, not "${text}"`);
    return fallback;
  }

  choice<const Choice extends string>(name: string, choices: readonly Choice[], fallback: Choice): Choice {
    const text = this.text(name)?.toLowerCase();
    if (text === undefined) return fallback;
    const found = choices.find((choice) => choice === text);
    if (found === undefined) this.problem(name, `has to be one of ${choices.join(", ")}, not "${text}"`);
    return found ?? fallback;
  }

  flag(name: string): boolean {
    const text = this.text(name)?.toLowerCase();
    if (text === undefined || text === "false" || text === "0") return false;
    if (text !== "true" && text !== "1") this.problem(name, `has to be true or false, not "${text}"`);
    return true;
  }

  problem(name: string, what: string): void {
    this.#problems.push(`${name} ${what}`);
  }

  /** Throws `invalid_argument` with every problem, one a line. */
  finish(): void {
    if (this.#problems.length === 0) return;
    const field = this.#problems[0]?.split(" ", 1)[0] ?? "";
    throw new ShoalError("invalid_argument", `the environment is not usable:\n${this.#problems.join("\n")}`, { field });
  }
}
