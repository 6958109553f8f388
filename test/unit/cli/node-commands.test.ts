/** The commands of one node, against a real one with a real application: what they do, and what each format writes. */
import { readFile, stat, writeFile } from "node:fs/promises";
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
let context: string;
let identity: string;

beforeAll(async () => {
  own = await openOwnNode();
  shell = nodeShell(own.folder);
  await shell.out("auth", "login", "--api", own.url, "--username", USER, "--as", "own");
  module = join(own.folder, "kv.wasm");
  await writeFile(module, await builtApp("kv-store"));
  application = await shell.out("app", "install", module, "--package", "kv", "--app-version", "1.0.0", "-q");
  await shell.out("alias", "create", "application", "kv-app", application);
  const made = await shell.json<{ contextId: string; memberPublicKey: string }>(
    ...words("context create kv-app --alias kv --name kv"),
    "--args",
    '{"entries":[]}',
  );
  [context, identity] = [made.contextId, made.memberPublicKey];
});
afterAll(() => own.leave());

const words = (line: string): string[] => line.split(" ");

describe("what reads", () => {
  const READS = [
    "node status",
    "node identity",
    "network status",
    "network peers",
    "node gc --dry-run",
    "node list",
    "peers",
    "auth status",
    "auth keys list",
    "auth keys list --clients",
    "app list",
    "app get kv-app",
    "app abi kv-app",
    "app packages",
    "app versions kv",
    "app latest kv",
    "context list",
    "context get kv",
    "context identities kv",
    "context identities kv --owned",
    "context group kv",
    "context sync",
    "context status kv",
    "blob list",
    "alias list context",
    "alias list application",
    "alias get context kv",
    "alias list identity --context kv",
    "group list",
    "namespace list",
    "call kv list",
  ];

  test.each(READS)("%s writes JSON and nothing else, ids when it is quiet, and a table for people", async (line) => {
    const asJson = await shell.shoal(...words(line), "--output", "json");
    expect([asJson.code, asJson.err]).toEqual([0, ""]);
    expect(() => JSON.parse(asJson.out) as unknown).not.toThrow();
    const quiet = await shell.shoal(...words(line), "--quiet");
    expect([quiet.code, quiet.err]).toEqual([0, ""]);
    const shown = await shell.shoal(...words(line));
    expect([shown.code, shown.err, shown.out.endsWith("\n")]).toEqual([0, "", true]);
  });

  test("quiet, a list is ids, a line each", async () => {
    expect(await shell.out("app", "list", "-q")).toBe(application);
    expect(await shell.out("context", "list", "-q")).toBe(context);
    expect(await shell.out("context", "identities", "kv", "-q")).toBe(identity);
    expect(await shell.out("alias", "get", "context", "kv", "-q")).toBe(context);
  });

  test("the node's usage counts what it holds", async () => {
    expect(await shell.json("node", "gc")).toMatchObject({ tombstones: { rows: 0 }, orphans: { rows: 0 } });
    expect(await shell.json("node", "status")).toMatchObject({ status: "ready", contexts: 1, applications: 1 });
  });
});

describe("a method", () => {
  test("takes arguments as text, from a file, and as whom it is told to", async () => {
    await shell.out("call", "kv", "set", "--args", '{"key":"a","value":"1"}');
    await writeFile(join(own.folder, "args.json"), '{"key":"b","value":"2"}');
    await shell.out("call", "kv", "set", "--args", `@${join(own.folder, "args.json")}`, "--as", identity);
    expect(await shell.json("call", "kv", "get", "--args", '{"key":"b"}')).toBe("2");
    expect(await shell.json("call", context, "get", "--args", '{"key":"c"}')).toBeNull();
  });

  test("acts as an identity by its alias", async () => {
    await shell.out("alias", "create", "identity", "me", identity, "--context", "kv");
    await shell.out("call", "kv", "set", "--args", '{"key":"m","value":"me"}', "--as", "me");
    expect(await shell.out("alias", "delete", "identity", "me", "--context", "kv", "-q")).toBe("me");
    expect(await shell.shoal("call", "kv", "len", "--as", "me")).toMatchObject({ code: 3 });
  });

  test.each([
    [["call", "kv", "set", "--args", "{"], 2, "expected JSON"],
    [["call", "kv", "set", "--args", "@/nowhere"], 2, "/nowhere cannot be read"],
    [
      ["call", "kv", "set", "--args", '{"key":"","value":""}'],
      2,
      "the method failed: a key has at least one character",
    ],
    [["call", "kv", "no_such"], 2, "shoal app abi"],
    [["call", "kv2", "get"], 3, "kv2 is neither an id nor an alias of a context"],
  ])("%j fails with %i and says %s", async (args, code, said) => {
    const ended = await shell.shoal(...args);
    expect([ended.code, ended.out]).toEqual([code, ""]);
    expect(ended.err).toContain(said);
    expect(ended.err).not.toMatch(/^ +at /m);
  });
});

describe("watch", () => {
  test("prints a line of JSON for each event until it has seen enough", async () => {
    const watched = shell.shoal("watch", "kv", "--count", "1", "-o", "json");
    let isOver = false;
    void watched.then(() => (isOver = true));
    await eventually(async () => {
      await shell.out("call", "kv", "set", "--args", '{"key":"w","value":"3"}');
      return isOver ? true : undefined;
    }, "an event");
    const { code, out } = await watched;
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ contextId: context, type: "StateMutation" });
  });

  test("ends with Ctrl-C, well", async () => {
    const interrupt = new AbortController();
    const watched = shell.until(interrupt.signal, () => interrupt.abort(), "watch", context);
    await eventually(async () => {
      await shell.out("call", "kv", "set", "--args", '{"key":"w","value":"4"}');
      return interrupt.signal.aborted ? true : undefined;
    }, "an event");
    expect(await watched).toMatchObject({ code: 0, out: expect.stringContaining("StateMutation Stored") });
  });

  test("wants to know what", async () => {
    expect(await shell.shoal("watch")).toMatchObject({ code: 2, err: expect.stringContaining("--group") });
  });
});

describe("blobs", () => {
  test("go up, are told of, come down and are deleted", async () => {
    const from = join(own.folder, "from");
    await writeFile(from, "x".repeat(100_000));
    const id = await shell.out("blob", "upload", from, "-q");
    expect(await shell.json("blob", "info", id)).toEqual({ blobId: id, size: 100_000 });
    const to = join(own.folder, "to");
    expect(await shell.out("blob", "download", id, "--to", to, "-q")).toBe(to);
    expect(await readFile(to)).toEqual(await readFile(from));
    expect(await shell.shoal("blob", "download", id, "--to", to)).toMatchObject({
      code: 2,
      err: expect.stringContaining("cannot be written"),
    });
    expect(await shell.out("blob", "upload", from, "--hash", id, "-q")).toBe(id);
    expect((await shell.shoal("blob", "upload", module, "--hash", id)).code).not.toBe(0);
    expect(await shell.out("blob", "delete", id, "-q")).toBe(id);
    expect(await shell.shoal("blob", "info", id)).toMatchObject({
      code: 3,
      err: expect.stringContaining("shoal blob list"),
    });
    expect(await shell.shoal("blob", "upload", "/nowhere")).toMatchObject({ code: 2 });
  });

  test("nothing is left of a download that was not there", async () => {
    const to = join(own.folder, "never");
    expect((await shell.shoal("blob", "download", application, "--to", to)).code).toBe(3);
    await expect(stat(to)).rejects.toThrow("ENOENT");
  });
});

describe("contexts", () => {
  test("are made, moved to another application, and deleted", async () => {
    // An empty section of its own makes it another module.
    const other = join(own.folder, "other.wasm");
    await writeFile(other, Buffer.concat([await readFile(module), Buffer.from([0, 2, 1, 0x78])]));
    const next = await shell.out("app", "install", other, "--package", "next", "--app-version", "1.0.0", "-q");
    const id = await shell.out("context", "create", application, "-q");
    expect(await shell.out("context", "update", id, "--application", next, "-q")).toBe(id);
    expect(await shell.json("context", "get", id)).toMatchObject({ applicationId: next });
    expect((await shell.shoal("app", "uninstall", next)).code).toBe(4);
    expect(await shell.json("context", "delete", id)).toEqual({ isDeleted: true });
    expect(await shell.out("app", "uninstall", next, "-q")).toBe(next);
  });

  test("a node without peers has nobody to be level with, and says so", async () => {
    for (const command of ["sync", "resync"]) {
      const ended = await shell.shoal("context", command, "kv");
      expect(ended).toMatchObject({ code: 7, err: expect.stringContaining("peer") });
    }
  });

  test("a taken alias says how to free it", async () => {
    expect(await shell.shoal("alias", "create", "context", "kv", context)).toMatchObject({
      code: 4,
      err: expect.stringContaining("shoal alias delete"),
    });
  });

  test("somebody is invited, joins with a key of the node, is given a right, and loses it", async () => {
    const invitation = join(own.folder, "invitation.json");
    await writeFile(invitation, await shell.out("context", "invite", "kv", "--valid-for", "1h"));
    const member = await shell.out("context", "generate-identity", "-q");
    expect(await shell.out("context", "join", `@${invitation}`, "--as", member, "-q")).toBe(context);
    expect(words((await shell.out("context", "identities", "kv", "-q")).replaceAll("\n", " "))).toContain(member);
    await shell.out("context", "grant", "kv", member, "ManageMembers", "--as", identity);
    await shell.out("context", "revoke", "kv", member, "ManageMembers");
    const { memberPublicKey } = await shell.json("context", "join", `@${invitation}`);
    expect(await shell.out("context", "identities", "kv", "-q")).toContain(memberPublicKey);
    expect(await shell.out("context", "join", "kv", "-q")).toBe(context);
  });
});

describe("which node, and what to do about it:", () => {
  test("nothing runs there", async () => {
    expect(await shell.shoal("peers", "--api", "http://127.0.0.1:9")).toMatchObject({
      code: 7,
      err: expect.stringContaining("shoal node run"),
    });
  });

  test("not signed in", async () => {
    const stranger = nodeShell(join(own.folder, "stranger"));
    const ended = await stranger.shoal("app", "list", "--api", own.url, "-o", "json");
    expect([ended.code, ended.out]).toEqual([5, ""]);
    expect(JSON.parse(ended.err)).toMatchObject({
      error: {
        code: "unauthenticated",
        hint: expect.stringContaining(`shoal auth login --username <name> --api ${own.url}`),
      },
    });
  });

  test("no such node, both at once, no address", async () => {
    expect(await shell.shoal("peers", "--node", "other")).toMatchObject({
      code: 2,
      err: expect.stringContaining("shoal node list"),
    });
    expect((await shell.shoal("peers", "--node", "own", "--api", own.url)).code).toBe(2);
    expect((await shell.shoal("node", "add", "x", "nowhere")).code).toBe(2);
    expect((await shell.shoal("node", "use", "other")).code).toBe(3);
    expect((await shell.shoal("node", "remove", "other")).code).toBe(3);
  });

  test("nodes are added, chosen and forgotten", async () => {
    await shell.out("node", "add", "second", "http://127.0.0.1:9");
    await shell.out("node", "use", "second");
    expect(await shell.json("node", "list")).toMatchObject([
      { name: "own", signedIn: true, isCurrent: false },
      { name: "second", signedIn: false, isCurrent: true },
    ]);
    await shell.out("node", "use", "own");
    await shell.out("node", "remove", "second");
    expect(await shell.out("node", "list", "-q")).toBe("own");
  });
});
