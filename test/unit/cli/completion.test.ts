/** Completion scripts, run by the shells that they are for. */
import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openShell, type Shell } from "./shoal.ts";

let shell: Shell;
let script: string;
beforeAll(async () => {
  shell = await openShell();
  script = (await shell.run("completion", "bash")).out;
});
afterAll(() => shell.leave());

/** What bash would offer after these words. */
async function offered(...words: string[]): Promise<string[]> {
  const line = `COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); _shoal; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await promisify(execFile)("bash", ["-c", `${script}\n${line}`, "bash", "shoal", ...words]);
  return stdout.trim().split("\n");
}

test("bash is offered subcommands, options and choices of the place it is at", async () => {
  expect(spawnSync("bash", ["-n"], { input: script }).status).toBe(0);
  expect(await offered("pro")).toEqual(["processors"]);
  expect(await offered("-o", "json", "processors", "re")).toEqual(["restart"]);
  expect(await offered("templates", "versions", "act")).toEqual(["activate"]);
  expect(await offered("processors", "list", "--stat")).toEqual(["--status"]);
  expect(await offered("processors", "list", "--status", "")).toEqual([
    "pending",
    "starting",
    "running",
    "stopping",
    "terminated",
    "failed",
  ]);
  expect(await offered("processors", "get", "--output", "")).toEqual(["json", "table"]);
  expect(await offered("completion", "z")).toEqual(["zsh"]);
  expect(await offered("keys", "create", "k", "--scopes", "audit")).toEqual(["audit:read"]);
});

test("zsh gets the same words", async () => {
  const { out, code } = await shell.run("completion", "zsh");
  expect(code).toBe(0);
  expect(out).toMatch(/^#compdef shoal\n/);
  const words = (text: string): string[] =>
    [...text.matchAll(/"(\/[^"]*)"\) (?:COMPREPLY=.*-W "|compadd -- )([^");]*)/g)].map(
      (match) => `${match[1]} ${match[2]?.trim()}`,
    );
  expect(words(out)).toEqual(words(script));
  expect(words(out).length).toBeGreaterThan(30);
});

test.skipIf(spawnSync("zsh", ["--version"]).status !== 0)("zsh reads its script", async () => {
  expect(spawnSync("zsh", ["-n"], { input: (await shell.run("completion", "zsh")).out }).status).toBe(0);
});
