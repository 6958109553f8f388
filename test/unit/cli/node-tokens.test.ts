/** Commands that run side by side share one sign-in: nothing of it may be lost, sent elsewhere or used twice. */
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { withLock } from "@shoal/cli/settings/lock.ts";
import { eventually } from "../../support/clock.ts";
import { openOwnNode, PASSWORD, USER, type OwnNode } from "../../support/own-node.ts";
import { nodeShell, type NodeShell } from "./node-shell.ts";
import { openShell, type Shell } from "./shoal.ts";

let own: OwnNode;
let shell: NodeShell;
beforeEach(async () => {
  own = await openOwnNode();
  shell = nodeShell(own.folder);
  await shell.out("auth", "login", "--api", own.url, "--username", USER, "--as", "own");
});
afterEach(() => own.leave());

interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
}
interface Known {
  readonly current?: string;
  readonly nodes: Record<string, { readonly url: string; readonly tokens?: Tokens; readonly isSpent?: true }>;
}

const configFile = (name: string): string => join(own.folder, "config", "shoal", name);
const known = async (): Promise<Known> => JSON.parse(await readFile(configFile("nodes.json"), "utf8")) as Known;

async function refreshes(): Promise<number> {
  await shell.out("auth", "status");
  const token = (await known()).nodes["own"]?.tokens?.accessToken ?? "";
  const answer = await fetch(`${own.url}/admin/metrics`, { headers: { authorization: `Bearer ${token}` } });
  return ((await answer.json()) as { data: { refreshes_total: number } }).data.refreshes_total;
}

describe("an expired sign-in", () => {
  test("is renewed by whatever command comes next, and kept", async () => {
    const before = await known();
    own.expireTokens();
    expect(await shell.shoal("auth", "status")).toMatchObject({ code: 0, err: "" });
    const after = await known();
    expect(after.nodes["own"]?.tokens?.refreshToken).not.toBe(before.nodes["own"]?.tokens?.refreshToken);
    expect(await refreshes()).toBe(1);
  });

  test("is exchanged once by many commands at once", async () => {
    own.expireTokens();
    const ended = await Promise.all(Array.from({ length: 8 }, () => shell.shoal("auth", "status")));
    expect(ended.map(({ code, err }) => [code, err])).toEqual(ended.map(() => [0, ""]));
    expect(await refreshes()).toBe(1);
  });

  test("is exchanged once by many processes, all of which were refused before any of them could", async () => {
    own.expireTokens();
    const processes: Shell = await openShell({ XDG_CONFIG_HOME: join(own.folder, "config") });
    try {
      const ended = await withLock(configFile("nodes.lock"), async () => {
        const started = Array.from({ length: 4 }, () => processes.start("auth", "status").ended);
        await eventually(async () => ((await refused()) >= 4 ? true : undefined), "four refusals");
        return started;
      });
      expect(await Promise.all(ended)).toEqual(ended.map(() => expect.objectContaining({ code: 0, err: "" })));
      expect(await refreshes()).toBe(1);
    } finally {
      await processes.leave();
    }
  });

  test("that was signed out meanwhile stays so", async () => {
    own.expireTokens();
    const [status] = await withLock(configFile("nodes.lock"), async () => {
      const running = shell.shoal("auth", "status");
      await eventually(async () => ((await refused()) >= 1 ? true : undefined), "a refusal");
      await writeFile(configFile("nodes.json"), JSON.stringify({ nodes: { own: { url: own.url } } }));
      return [running] as const;
    });
    expect(await status).toMatchObject({ code: 5, err: expect.stringContaining("shoal auth login") });
    expect((await known()).nodes["own"]?.tokens).toBeUndefined();
  });

  test("is not exchanged where what comes back could not be kept", async () => {
    own.expireTokens();
    const folder = join(own.folder, "config", "shoal");
    // Whoever is root writes anywhere: a folder in the lock's place stops them too.
    await rm(configFile("nodes.lock"), { force: true });
    await mkdir(configFile("nodes.lock"));
    await chmod(folder, 0o500);
    try {
      expect(await shell.shoal("auth", "status")).toMatchObject({
        code: 2,
        err: expect.stringContaining("nodes.lock"),
      });
    } finally {
      await chmod(folder, 0o700);
      await rm(configFile("nodes.lock"), { recursive: true });
    }
    expect(await refreshes()).toBe(1);
  });

  test("whose renewal dies in the middle is a sign-out, and no spent token is tried", async () => {
    const stuck = await expiring(() => undefined);
    const processes = await openShell({ XDG_CONFIG_HOME: join(own.folder, "config") });
    try {
      const running = processes.start("peers");
      await eventually(async () => (await known()).nodes["other"]?.isSpent, "the refresh token is marked");
      running.process.kill("SIGKILL");
      await running.ended;
      expect(await shell.shoal("peers")).toMatchObject({ code: 5, err: expect.stringContaining("shoal auth login") });
      expect(await shell.json("node", "list")).toMatchObject([{ name: "other", signedIn: false }]);
      expect(stuck.exchanges()).toBe(1);
    } finally {
      await processes.leave();
      stuck.close();
    }
  });

  test("serves commands that begin while it is renewed", async () => {
    let second: Promise<unknown> | undefined;
    const slow = await expiring((answer, refused) => {
      second = shell.shoal("peers");
      // The second command has been refused as well: it read the tokens that are being exchanged.
      void eventually(() => (refused() >= 2 ? true : undefined), "a second refusal").then(answer);
    });
    try {
      expect(await shell.shoal("peers", "-q")).toMatchObject({ code: 0, out: "0\n", err: "" });
      expect(await second).toMatchObject({ code: 0, err: "" });
      expect(slow.exchanges()).toBe(1);
    } finally {
      slow.close();
    }
  });

  test("does not fail the upload of a file", async () => {
    own.expireTokens();
    const file = join(own.folder, "file");
    await writeFile(file, "content");
    const id = await shell.out("blob", "upload", file, "--quiet");
    expect(await shell.out("blob", "list", "--quiet")).toBe(id);
    expect(await refreshes()).toBe(1);
  });
});

/** The node in use, where the tokens at hand have expired; `exchange` says when their exchange is answered. */
async function expiring(exchange: (answer: () => void, refused: () => number) => void) {
  let [exchanges, refusals] = [0, 0];
  const server = createServer((request, response) => {
    if (request.url === "/auth/refresh") {
      exchanges += 1;
      const fresh = JSON.stringify({ data: { access_token: "fresh", refresh_token: "next" } });
      return exchange(
        () => void response.end(fresh),
        () => refusals,
      );
    }
    if (request.headers.authorization === "Bearer fresh") return response.end('{"count":0}');
    refusals += 1;
    response.writeHead(401, { "x-auth-error": "token_expired" }).end('{"error":"expired"}');
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const tokens = { accessToken: "old", refreshToken: "only" };
  await writeFile(configFile("nodes.json"), JSON.stringify({ current: "other", nodes: { other: { url, tokens } } }));
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { close, exchanges: () => exchanges };
}

/** Requests that the node refused for their token. */
async function refused(): Promise<number> {
  const text = await (await fetch(`${own.url}/metrics`)).text();
  const lines = text
    .split("\n")
    .filter((line) => line.startsWith("shoal_node_http_requests_total") && line.includes('"401"'));
  return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

describe("the lock", () => {
  test("is one holder's at a time, and is free when its holder dies", async () => {
    const path = join(own.folder, "some.lock");
    const module = new URL("../../../cli/src/settings/lock.ts", import.meta.url).href;
    const code = `const { withLock } = await import(${JSON.stringify(module)});
      await withLock(${JSON.stringify(path)}, async () => { console.log("held"); await new Promise((end) => setInterval(() => end, 1000)); });`;
    const holder = spawn(process.execPath, ["--input-type=module", "-e", code], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      await once(holder.stdout, "data");
      let isEntered = false;
      const entered = withLock(path, async () => void (isEntered = true));
      // What works meanwhile shows that waiting blocks nothing.
      await shell.out("auth", "status");
      expect(isEntered).toBe(false);
      holder.kill("SIGKILL");
      await entered;
      expect(isEntered).toBe(true);
    } finally {
      holder.kill("SIGKILL");
    }
  });

  test("keeps every change of commands that run side by side", async () => {
    const names = Array.from({ length: 12 }, (_, at) => `n${at}`);
    await Promise.all(names.map((name) => shell.out("node", "add", name, "http://127.0.0.1:9")));
    expect(Object.keys((await known()).nodes).sort()).toEqual(["own", ...names].sort());
  });
});

describe("tokens go only to the address that they were given with:", () => {
  test("another address gets none, by whatever way it is named", async () => {
    const heard: (string | undefined)[] = [];
    const other = createServer((request, response) => {
      heard.push(request.headers.authorization);
      response.end("{}");
    }).listen(0, "127.0.0.1");
    await once(other, "listening");
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    try {
      await shell.shoal("peers", "--api", url);
      await shell.out("node", "add", "own", url);
      await shell.shoal("peers", "--node", "own");
      await shell.shoal("peers", "--api", `${own.url}@127.0.0.1:${(other.address() as AddressInfo).port}`);
      expect(heard).toEqual([undefined, undefined]);
    } finally {
      other.close();
    }
  });

  test("a redirect is not followed", async () => {
    const heard: string[] = [];
    const other = createServer((request, response) => {
      heard.push(request.url ?? "");
      response.writeHead(307, { location: `${own.url}${request.url ?? ""}` }).end();
    }).listen(0, "127.0.0.1");
    await once(other, "listening");
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    try {
      const ended = await shell.shoal("auth", "login", "--api", url, "--username", USER);
      expect(ended.code).toBe(7);
      expect(heard).toEqual(["/auth/token"]);
    } finally {
      other.close();
    }
  });

  test("a node that is added again at its address stays signed in", async () => {
    await shell.out("node", "add", "own", `${own.url}/`);
    expect(await shell.out("auth", "status", "--quiet")).toBe("own");
  });

  test("each name has a sign-in of its own, so that neither uses up the other's", async () => {
    await shell.out("auth", "login", "--node", "own", "--username", USER, "--as", "second");
    own.expireTokens();
    for (const name of ["own", "second", "own"]) await shell.out("auth", "status", "--node", name);
    const { nodes } = await known();
    expect(nodes["own"]?.tokens).not.toEqual(nodes["second"]?.tokens);
  });

  test("signing out forgets the tokens and keeps the node", async () => {
    await shell.out("auth", "logout");
    expect(await known()).toEqual({ current: "own", nodes: { own: { url: own.url } } });
    expect(await shell.shoal("auth", "status")).toMatchObject({
      code: 5,
      err: expect.stringContaining("you are not signed in to this node"),
    });
  });
});

test("a wrong password is told as such, and nothing is kept", async () => {
  const { nodes } = await known();
  const stranger = nodeShell(join(own.folder, "stranger"));
  stranger.env["SHOAL_NODE_PASSWORD"] = `${PASSWORD}!`;
  const ended = await stranger.shoal("auth", "login", "--api", own.url, "--username", USER);
  expect(ended).toMatchObject({ code: 5, out: "", err: expect.stringContaining("unknown user or wrong password") });
  expect(await stranger.out("node", "list", "--quiet")).toBe("");
  expect((await known()).nodes).toEqual(nodes);
});
