/** Groups and namespaces by the command line: made, governed, upgraded and left, on one real node. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../../support/clock.ts";
import { openOwnNode, USER, type OwnNode } from "../../support/own-node.ts";
import { builtApp } from "../sdk/app/built.ts";
import { nodeShell, type NodeShell } from "./node-shell.ts";

let own: OwnNode;
let shell: NodeShell;
let module: string;
let application: string;
let account: string;
/** Somebody of another node. */
let stranger: string;

beforeAll(async () => {
  own = await openOwnNode();
  shell = nodeShell(own.folder);
  await shell.out("auth", "login", "--api", own.url, "--username", USER, "--as", "own");
  module = join(own.folder, "kv.wasm");
  await writeFile(module, await builtApp("kv-store"));
  application = await shell.out("app", "install", module, "--package", "kv", "--app-version", "1.0.0", "-q");
  account = await shell.out("node", "identity", "-q");
  stranger = await shell.out("context", "generate-identity", "-q");
});
afterAll(() => own.leave());

const group = (...args: string[]): Promise<string> => shell.out("group", ...args, "-q");

describe("a group", () => {
  test("is made, listed, shown, renamed, set and deleted", async () => {
    const id = await group("create", application, "--name", "friends", "--upgrades", "LazyOnAccess");
    expect((await group("list")).split("\n")).toContain(id);
    expect(await shell.json("group", "get", id)).toMatchObject({ groupId: id, alias: "friends", memberCount: 1 });
    const settings = await shell.json(
      "group",
      "settings",
      id,
      "--name",
      "enemies",
      "--default-visibility",
      "restricted",
      "--default-capabilities",
      "createContext,inviteMembers",
      "--upgrades",
      "Coordinated",
      "--deadline",
      "12h",
    );
    expect(settings).toMatchObject({
      name: "enemies",
      defaultVisibility: "restricted",
      defaultCapabilities: ["createContext", "inviteMembers"],
      upgradePolicy: expect.stringContaining("Coordinated"),
    });
    expect(await shell.json("group", "settings", id)).toEqual(settings);
    expect(await shell.json("group", "sync", id)).toMatchObject({ groupId: id });
    expect(await group("delete", id)).toBe(id);
    expect(await shell.shoal("group", "get", id)).toMatchObject({
      code: 3,
      err: expect.stringContaining("shoal group list"),
    });
  });

  test("has members, whose roles and rights are set by name", async () => {
    const id = await group("create", application);
    expect(await group("members", "add", id, stranger, "--role", "ReadOnly")).toBe(stranger);
    expect((await group("members", "list", id)).split("\n").sort()).toEqual([account, stranger].sort());
    await group("members", "set-role", id, stranger, "Member");
    await group("members", "rename", id, stranger, "Sam");
    expect(await shell.json("group", "members", "list", id)).toContainEqual(
      expect.objectContaining({ identity: stranger, role: "Member", alias: "Sam" }),
    );
    expect(await group("members", "capabilities", id, stranger, "--set", "manageMembers,createContext")).toBe(
      "createContext\nmanageMembers",
    );
    expect(await shell.json("group", "members", "capabilities", id, stranger)).toMatchObject({ capabilities: 9 });
    expect(await group("members", "capabilities", id, stranger, "--set", "none")).toBe("");
    await group("members", "auto-follow", id, account, "--contexts");
    expect((await shell.shoal("group", "members", "capabilities", id, stranger, "--set", "fly")).code).toBe(2);
    expect((await shell.shoal("group", "members", "set-role", id, stranger, "King")).code).toBe(2);
    expect(await group("members", "remove", id, stranger)).toBe(stranger);
    expect(await group("members", "list", id)).toBe(account);
  });

  test("carries labels of its own, of members and of contexts", async () => {
    const id = await group("create", application);
    expect(await shell.json("group", "metadata", id, "--name", "n", "--set", "a=1", "b=x=y")).toMatchObject({
      name: "n",
      data: { a: "1", b: "x=y" },
    });
    expect(await group("metadata", id, "--member", account, "--name", "me", "--clear")).toBe("me");
    expect(await group("metadata", id)).toBe("n");
    expect((await shell.shoal("group", "metadata", id, "--name", "n")).code).toBe(2);
    expect((await shell.shoal("group", "metadata", id, "--set", "novalue")).code).toBe(2);
  });

  test("has contexts, and says who may enter them", async () => {
    const id = await group("create", application);
    await group("members", "add", id, stranger);
    const context = await shell.out("context", "create", application, "--group", id, "--alias", "in-group", "-q");
    expect(await group("contexts", "list", id)).toBe(context);
    expect(await group("contexts", "visibility", id, "in-group", "--set", "restricted")).toBe("restricted");
    expect(await group("contexts", "allowlist", id, "in-group", "--add", stranger)).toContain(stranger);
    expect(await group("contexts", "allowlist", id, "in-group", "--remove", stranger)).not.toContain(stranger);
    expect(await shell.out("context", "group", "in-group", "-q")).toBe(id);
    expect((await shell.shoal("group", "delete", id)).code).toBe(4);
    expect(await group("contexts", "detach", id, "in-group")).toBe(context);
    expect(await group("contexts", "list", id)).toBe("");
  });

  test("invites, and takes an invitation back", async () => {
    const id = await group("create", application);
    const file = join(own.folder, "invitation.json");
    await writeFile(file, await shell.out("group", "invite", id, "--once", "--valid-for", "1h"));
    expect(await group("withdraw", id, `@${file}`)).toBe(id);
    const joined = await shell.shoal("group", "join", `@${file}`, "--as", stranger);
    expect([joined.code === 0, joined.out]).toEqual([false, ""]);
    expect(await group("members", "list", id)).toBe(account);
    expect((await shell.shoal("group", "join", "{}")).code).toBe(2);
  });

  test("is joined by invitation, by a key that the node holds", async () => {
    const id = await group("create", application);
    const file = join(own.folder, "welcome.json");
    await writeFile(file, await shell.out("group", "invite", id, "--for", stranger, "--output", "json"));
    expect(await group("join", `@${file}`, "--as", stranger)).toBe(id);
    expect((await group("members", "list", id)).split("\n")).toContain(stranger);
  });

  test("hangs below another", async () => {
    const [top, other] = [await group("create", application), await group("create", application)];
    const below = await group("create", application, "--parent", top, "--visibility", "restricted");
    expect(await group("subgroups", top)).toBe(below);
    expect(await shell.shoal("group", "reparent", below, other)).toMatchObject({ out: "" });
    expect(await group("subgroups", top)).toBe(below);
  });
});

describe("a namespace", () => {
  test("is made, shown, divided, and deleted", async () => {
    const id = await shell.out("namespace", "create", application, "--name", "home", "-q");
    expect((await shell.out("namespace", "list", "-q")).split("\n")).toContain(id);
    expect((await shell.out("namespace", "list", "--application", application, "-q")).split("\n")).toContain(id);
    expect(await shell.json("namespace", "get", id)).toMatchObject({ namespaceId: id, name: "home", memberCount: 1 });
    const room = await shell.out("namespace", "create-group", id, "--name", "room", "--visibility", "open", "-q");
    expect(await shell.out("namespace", "groups", id, "-q")).toBe(room);
    expect(await shell.json("namespace", "delete", id)).toEqual({ isDeleted: true });
    expect((await shell.shoal("namespace", "get", id)).code).toBe(3);
  });

  test("is joined by invitation", async () => {
    const id = await shell.out("namespace", "create", application, "-q");
    const file = join(own.folder, "namespace.json");
    await writeFile(file, await shell.out("namespace", "invite", id));
    expect(await shell.out("namespace", "join", `@${file}`, "--as", stranger, "-q")).toBe(id);
  });
});

test("a group's contexts move to another application, and the commands tell how far they are", async () => {
  const id = await group("create", application, "--upgrades", "Automatic");
  const context = await shell.out("context", "create", application, "--group", id, "-q");
  expect(await group("upgrade", "status", id)).toBe("");
  const next = await shell.out("app", "install", module, "--package", "kv", "--app-version", "2.0.0", "-q");
  expect(await shell.json("group", "upgrade", "trigger", id, next)).toMatchObject({ groupId: id });
  await eventually(
    async () => ((await group("upgrade", "status", id)) === "completed" ? true : undefined),
    "the upgrade is over",
  );
  expect(await shell.json("group", "upgrade", "status", id)).toMatchObject({ toVersion: "2.0.0" });
  expect(await shell.json("group", "upgrade", "members", id)).toMatchObject({ expectedMembers: 1 });
  expect(await shell.json("group", "upgrade", "cascade", id)).toBeInstanceOf(Array);
  expect(await shell.shoal("group", "upgrade", "abort", id)).toMatchObject({
    code: 3,
    err: expect.stringContaining("no upgrade under way"),
  });
  expect(await shell.out("call", context, "len")).toBe("0");

  await group("settings", id, "--upgrades", "Coordinated", "--deadline", "7d");
  const third = await shell.out("app", "install", module, "--package", "kv", "--app-version", "3.0.0", "-q");
  await group("upgrade", "trigger", id, third);
  expect(await shell.json("group", "upgrade", "abort", id)).toEqual({ aborted: true });
  await group("upgrade", "trigger", id, third);
  expect(await shell.json("group", "upgrade", "retry", id)).toMatchObject({ groupId: id });
});

test("a device agrees to come to an account, and is linked by its code only", async () => {
  const namespace = await shell.out("namespace", "create", application, "--name", "home", "-q");
  const { accountId } = await shell.json<{ accountId: string }>("node", "identity");
  // The node's own consent to its own account: the line is real, and the rules refuse the link.
  const { out: line, err: note } = await shell.shoal("account", "pair-init", namespace, "--account", accountId);
  expect(line).toMatch(/^shoaldevice1\.[A-Za-z0-9_-]+\n$/);
  const [code = ""] = /[0-9A-F]{8}/.exec(note) ?? [];
  expect(await shell.shoal("account", "pair-complete", namespace, line, "--code", "00000000")).toMatchObject({
    code: 5,
  });
  expect((await shell.shoal("account", "pair-complete", namespace, line, "--code", code)).code).not.toBe(0);
  expect((await shell.shoal("account", "pair-complete", namespace, "nonsense", "--code", code)).code).toBe(2);
  expect(await shell.out("account", "devices", namespace, "-q")).toBe(accountId);
});
