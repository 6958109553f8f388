/** The repository tested like code: sizes, READMEs, links, words, and that the linter guards the rooms. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { files, ROOT } from "./tree.ts";

const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

const TOP = ["shared", "functions", "node", "sdk", "cli", "emulator", "test"];
/** A README of one screen; the root's tells a newcomer everything in order and may be longer. */
const SCREEN = 60;

describe("files", () => {
  test("have at most 400 lines", () => {
    const long = files(/\.(ts|sql|md)$/).filter((path) => read(path).split("\n").length > 401);
    expect(long).toEqual([]);
  });

  test("of code open with what they are", () => {
    const silent = files(/^(shared|functions|node|emulator|sdk|cli)\/.*\.ts$/).filter(
      (path) => !/^(#!.*\n)?(\/\*\*|\/\/)/.test(read(path)),
    );
    expect(silent).toEqual([]);
  });
});

describe("READMEs", () => {
  test("are in every top folder and keep to one screen", () => {
    expect(TOP.filter((folder) => !existsSync(join(ROOT, folder, "README.md")))).toEqual([]);
    const long = files(/.\/README\.md$/).filter((path) => read(path).split("\n").length > SCREEN);
    expect(long).toEqual([]);
  });

  test("have no dead links", () => {
    const dead: string[] = [];
    for (const path of files(/\.md$/)) {
      for (const [, target = ""] of read(path).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)) {
        if (!existsSync(join(ROOT, dirname(path), target))) dead.push(`${path}: ${target}`);
      }
    }
    expect(dead).toEqual([]);
  });

  test("name tests that exist", () => {
    const gone: string[] = [];
    const tests = files(/\.test\.ts$/).map((path) => path.slice(path.lastIndexOf("/") + 1));
    for (const path of files(/\.md$/)) {
      for (const [, name = ""] of read(path).matchAll(/([\w.-]+\.test\.ts)/g)) {
        if (!tests.includes(name)) gone.push(`${path}: ${name}`);
      }
    }
    expect(gone).toEqual([]);
  });
});

describe("words", () => {
  const BANNED: readonly (readonly [RegExp, string])[] = [
    [/\b(TODO|FIXME|XXX|HACK)\b/, "unfinished work is finished or written down as a limit"],
    [/@ts-(ignore|nocheck)|oxlint-disable(?!-next-line [\w/-]+ -- )/, "a silenced rule says which and why"],
    [/(^|[^\w./-])\/(root|home\/\w+|work)\//, "a path of somebody's machine"],
    [/\.only\(/, "a test that hides the others"],
  ];

  test.each(BANNED)("%s is nowhere: %s", (pattern) => {
    const found = files(/\.(ts|md|sql|json|sh|yaml|yml|tf)$/)
      .filter((path) => path !== "test/tidy/tidy.test.ts" && path !== "package-lock.json")
      .filter((path) => pattern.test(read(path)));
    expect(found).toEqual([]);
  });
});

describe("the linter", () => {
  /** Each fixture is put into the room it names in its first line; there it has to be refused for the rule it names. */
  const folder = join(ROOT, "test/tidy/fixtures");
  const fixtures = readdirSync(folder).filter((name) => name.endsWith(".txt"));

  test.each(fixtures)("refuses %s", (name) => {
    const text = readFileSync(join(folder, name), "utf8");
    const [, room = "", rule = ""] = /^\/\/ room: (\S+) rule: (\S+)/.exec(text) ?? [];
    expect(refusals(room, text)).toContain(rule);
  });

  test("takes what is right in the same rooms", () => {
    const rooms = fixtures.map((name) => /room: (\S+)/.exec(readFileSync(join(folder, name), "utf8"))?.[1] ?? "");
    expect(new Set(rooms).size).toBeGreaterThan(5);
    for (const room of new Set(rooms)) {
      expect(refusals(room, "/** Nothing. */\nexport const one = 1;\n"), room).toBe("");
    }
  });
});

/** What the linter says of `text` as a file of that room; the file exists only while it is asked. */
function refusals(room: string, text: string): string {
  const script = `
    const fs = require("node:fs"), path = require("node:path"), child = require("node:child_process");
    const [root, room] = process.argv.slice(1);
    const file = path.join(root, room, "zz-tidy-" + process.pid + ".ts");
    const fresh = !fs.existsSync(path.dirname(file));
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, fs.readFileSync(0));
    const ran = child.spawnSync("oxlint", ["--format", "unix", file], { cwd: root, encoding: "utf8" });
    fs.rmSync(file);
    if (fresh) fs.rmdirSync(path.dirname(file));
    process.stdout.write(ran.status === 0 ? "" : ran.stdout);`;
  return execFileSync(process.execPath, ["-e", script, ROOT, room], {
    input: text,
    encoding: "utf8",
    env: { ...process.env, PATH: `${join(ROOT, "node_modules/.bin")}:${process.env["PATH"] ?? ""}` },
  });
}
