/** What the command line says of its node commands by itself: help, and completion by a real shell. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { createProgram } from "@shoal/cli/program.ts";
import { timestamp } from "@shoal/shared/base/time.ts";

let written = "";
const program = createProgram(
  {
    env: {},
    cwd: "/",
    signal: new AbortController().signal,
    streams: { stdout: (text) => void (written += text), stderr: () => undefined, now: () => timestamp(0) },
    connection: undefined,
    node: undefined,
    exitCode: 0,
  },
  "0.0.0",
);

type Command = ReturnType<typeof createProgram>;
const NODE = "node app context call blob alias group namespace peers network account auth watch".split(" ");

function leaves(command: Command, path: string): (readonly [string, Command])[] {
  if (command.commands.length === 0) return [[path, command]];
  return command.commands
    .filter((each) => each.name() !== "help")
    .flatMap((each) => leaves(each, `${path} ${each.name()}`));
}
const all = NODE.flatMap((name) => {
  const group = program.commands.find((each) => each.name() === name);
  return group === undefined ? [] : leaves(group, name);
});

test("there is a command for each thing that a node can be asked for", () => {
  const paths = all.map(([path]) => path);
  const expected =
    "node init, node run, node config, node status, node identity, node use, app install, " +
    "blob info, context sync, context invite, context join, auth keys create, auth client-key, auth revoke, " +
    "group members set-role, group contexts allowlist, group upgrade retry, group settings, group invite, group metadata, namespace create-group, " +
    "namespace join, alias delete, watch, peers, call, network status, network peers, network block, network unblock, " +
    "network dial, account pair-init, account pair-complete, account revoke, account devices, context resync, context status";
  for (const path of expected.split(", ")) {
    expect(paths).toContain(path);
  }
});

test.each(all)("%s says what it does, and what each of its options means", (_, command) => {
  expect(command.description()).toMatch(/^[A-Z].*[^.]$/);
  for (const option of command.options) {
    const isPlain = option.argChoices !== undefined || /<(name|port|role|mode|level)>/.test(option.flags);
    if (!isPlain) expect(option.description, option.flags).not.toBe("");
  }
  expect(command.helpInformation()).toContain("--output");
});

test("bash completes them", async () => {
  await program.parseAsync(["completion", "bash"], { from: "user" });
  const offered = async (...words: string[]): Promise<string[]> => {
    const line = `COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); _shoal; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = await promisify(execFile)("bash", ["-c", `${written}\n${line}`, "bash", "shoal", ...words]);
    return stdout.trim().split("\n");
  };
  expect(await offered("name")).toEqual(["namespace"]);
  expect(await offered("auth", "keys", "perm")).toEqual(["permissions"]);
  expect(await offered("auth", "re")).toEqual(["revoke"]);
  expect(await offered("group", "members", "set")).toEqual(["set-role"]);
  expect(await offered("group", "members", "add", "g", "m", "--role", "")).toEqual([
    "Admin",
    "Member",
    "ReadOnly",
    "ReadOnlyTee",
  ]);
  expect(await offered("group", "settings", "g", "--default-vis")).toEqual(["--default-visibility"]);
  expect(await offered("context", "grant", "c", "m", "Man")).toEqual(["ManageApplication", "ManageMembers"]);
  expect(await offered("auth", "login", "--ap")).toEqual(["--api"]);
  expect(await offered("blob", "inf")).toEqual(["info"]);
  expect(await offered("alias", "create", "id")).toEqual(["identity"]);
  expect(await offered("node", "run", "--auth-mode", "")).toEqual(["proxy", "embedded"]);
});
