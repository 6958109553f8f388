import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile } from "@shoal/app/build/compile.ts";
import { BuildError, problemText } from "@shoal/app/build/problem.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "shoal-app-"));
  await mkdir(join(folder, "src"));
});
afterAll(() => rm(folder, { recursive: true }));

const IMPORTS = `import { AuthoredMap, Map, Register, Set, app, emit, event, init, json, migrate, view } from "@shoal/app";\n`;

/** What is said of an app of one file, the imports being its first line. */
async function problemsOf(source: string): Promise<readonly string[]> {
  await writeFile(join(folder, "src/app.ts"), IMPORTS + source);
  const failure: unknown = await compile(folder).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (failure === undefined) return [];
  if (!(failure instanceof BuildError)) throw failure;
  return failure.problems.map(problemText);
}

describe("what is wrong with an app is said before it is compiled", () => {
  test.each([
    ["class A {}", "src/app.ts: expected one class marked @app here, and none elsewhere"],
    ["@app class A {} @app class B {}", "src/app.ts: expected one class marked @app here, and none elsewhere"],
    [
      "@app class A { title: string; }",
      "src/app.ts:2:23: string is no collection, so replicas could not merge it: Register<string> holds one value",
    ],
    ["@app class A { all: Map<string>; }", "src/app.ts:2:21: Map takes 2 type arguments"],
    ["@app class A { all: Map<f64, string>; }", "src/app.ts:2:25: f64 is no key: expected string or an integer"],
    [
      "class Note {}\n@app class A { all: Map<string, Note>; }",
      "src/app.ts:3:33: Note does not travel as JSON: mark its class with @json",
    ],
    ["@app class A { @private tags: Set<string>; }", "src/app.ts:2:31: a @private field is a Register or a Map"],
    [
      "@app class A { x: Register<string> = new Register(); }",
      "src/app.ts:2:16: a field of the state is made by the build: leave `= ...` out",
    ],
    [
      "@app class A { constructor() {} }",
      "src/app.ts:2:12: the state has no constructor: what it begins with is set in @init",
    ],
    [
      "@app class A { put(n: number): void {} }",
      "src/app.ts:2:23: number is no type of AssemblyScript: say i32, u64, f64, ...",
    ],
    ["@app class A { put(n: i32 | null): void {} }", "src/app.ts:2:23: i32 cannot be null"],
    [
      "@app class A { all: Set<string>;\n  @view get(): Set<string> { return this.all; } }",
      "src/app.ts:3:16: Set<string> is a collection of the state and does not travel as JSON: return what is in it",
    ],
    [
      "@app class A { put<T>(): void {} }",
      "src/app.ts:2:16: a method that is called from outside has no type parameters",
    ],
    [
      "@app class A { __put(): void {} }",
      "src/app.ts:2:16: __put is no name of a method: expected up to 256 letters, digits and _",
    ],
    [
      "@app class A { @init start(): void {} }",
      "src/app.ts:2:22: the method marked @init is named init, and no other is",
    ],
    [
      "@app class A { @viw get(): i32 { return 1; } }",
      "src/app.ts:2:16: @viw is no mark of a method: expected @init, @view, @mutate, @migrate or @xcall",
    ],
    [
      "@app class A { @view @mutate get(): void {} }",
      "src/app.ts:2:30: a method is one of @init, @view, @mutate and @migrate",
    ],
    ["@app class A { @init @xcall init(): void {} }", "src/app.ts:2:29: @init is the node's to call: leave @xcall out"],
    [
      "@app class A { @migrate up(): void {} }",
      "src/app.ts:2:25: expected @migrate(1), say: the version it starts from, and no parameters",
    ],
    [
      "@json class B<T> {}\n@app class A {}",
      "src/app.ts:2:13: a class marked @json or @event is neither generic nor extends another",
    ],
  ])("%s", async (source, problem) => {
    expect(await problemsOf(source)).toEqual([problem]);
  });

  test("all of it at once, each with its place", async () => {
    const source = "@app class A {\n  a: string;\n  b: i32;\n  set(x: any): void {}\n}";
    expect((await problemsOf(source)).map((text) => text.split(": ")[0])).toEqual([
      "src/app.ts:3:6",
      "src/app.ts:4:6",
      "src/app.ts:5:10",
    ]);
  });
});

describe("what the compiler finds is said of the author's text", () => {
  test("by its line and column", async () => {
    const source =
      "@app\nclass A {\n  all: Map<string, string>;\n  set(key: string): void {\n    this.all.put(key);\n  }\n}\n";
    expect(await problemsOf(source)).toEqual([
      "src/app.ts:6:14: Property 'put' does not exist on type '~lib/@shoal/app/collections/map/Map<~lib/string/String,~lib/string/String>'.",
    ]);
  });

  test("where a file that it imports is missing", async () => {
    const [problem] = await problemsOf('import { X } from "./x";\n@app class A { get(): i32 { return X; } }');
    expect(problem).toMatch(/src\/app\.ts:2:\d+: File '.*x\.ts' not found\./);
  });

  test.each([
    [
      "class E {}\n@app class A { go(): void { emit(new E()); } }",
      "src/app.ts:2:7: E does not travel as JSON: mark its class with @json, or with @event where it is emitted",
    ],
    [
      "@app class A { all: Map<string, i32>; go(): void { this.all.get('a'); } }",
      "i32 cannot be null: read it with getOr, which takes what to answer where there is nothing",
    ],
    [
      "@app class A { all: Map<string, Set<i32>>; go(): void { this.all.set('a', new Set<i32>(0)); } }",
      "a collection within a map is made by open(key), not by set",
    ],
    [
      "@app class A { all: Map<string, i32>; go(): void { this.all.open('a'); } }",
      "open(key) is for maps whose values are collections",
    ],
    [
      "@app class A { go(a: i32 = 'x'): void {} }",
      "src/app.ts: the method go: Type '~lib/string/String' is not assignable to type 'i32'.",
    ],
  ])("where it shows in the library only: %s", async (source, problem) => {
    expect((await problemsOf(source))[0]).toBe(problem);
  });

  test("where the syntax is broken", async () => {
    const [problem] = await problemsOf("@app class A { get(): i32 { return 1 + ; } }");
    expect(problem).toBe("src/app.ts:2:40: Expression expected.");
  });
});
