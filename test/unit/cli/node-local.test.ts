/** A node of this machine from its first command to its last: made, configured, run, stopped. */
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { eventually } from "../../support/clock.ts";
import { openShell, type Shell } from "./shoal.ts";

const LOOPBACK = ["server", "swarm"]
  .flatMap((side) => [`--${side}-host`, "127.0.0.1", `--${side}-port`, "0"])
  .concat("--no-mdns");

let shell: Shell;
let place: readonly string[];
beforeEach(async () => {
  shell = await openShell({ SHOAL_NODE_PASSWORD: "correct horse battery" });
  place = ["--home", join(shell.folder, "nodes"), "--node", "one"];
  await writeFile(join(shell.folder, "password"), "correct horse battery\n");
});
afterEach(() => shell.leave());

test("it is made once, says what it is, runs until it is told to end, and is asked meanwhile", async () => {
  const init = ["node", "init", ...place, ...LOOPBACK];
  const admin = ["--auth-mode", "embedded", "--admin-user", "ada", "--admin-password-file", "password"];
  const made = await shell.run(...init, ...admin, "--output", "json");
  expect(made).toMatchObject({ code: 0, err: "" });
  const { directory, administrator } = JSON.parse(made.out) as { directory: string; administrator: string };
  expect(administrator).toBe("ada");
  expect((await stat(join(directory, "config.toml"))).mode & 0o777).toBe(0o600);
  expect((await shell.run(...init, "--no-admin")).code).toBe(4);

  const running = shell.start("node", "run", ...place, "--output", "json", "--log-level", "fatal");
  const line = await eventually(() => /^.*\n/.exec(running.written().out)?.[0], "the node is ready");
  const [url = ""] = (JSON.parse(line) as { urls: string[] }).urls;
  const login = await shell.run("auth", "login", "--api", url, "--username", "ada", "-q");
  expect(login).toMatchObject({ code: 0, out: `${new URL(url).host}\n` });
  expect((await shell.run("peers", "-q")).out).toBe("0\n");
  running.process.kill("SIGINT");
  expect(await running.ended).toMatchObject({ code: 0, err: "" });
  expect(await shell.run("peers")).toMatchObject({ code: 7, err: expect.stringContaining("shoal node run") });
});

/** Runs a node without a guard, and resolves with where it is. */
async function runs(
  name: string,
): Promise<{ readonly url: string; readonly address: string; end(): Promise<unknown> }> {
  const where = ["--home", join(shell.folder, "nodes"), "--node", name];
  await shell.run("node", "init", ...where, ...LOOPBACK, "--no-admin", "-q");
  const running = shell.start("node", "run", ...where, "--output", "json", "--log-level", "fatal");
  const line = await eventually(() => /^.*\n/.exec(running.written().out)?.[0], "the node is ready");
  const { urls, addresses } = JSON.parse(line) as { urls: string[]; addresses: string[] };
  const end = (): Promise<unknown> => {
    running.process.kill("SIGINT");
    return running.ended;
  };
  return { url: urls[0] ?? "", address: addresses.find((each) => each.includes("/tcp/")) ?? "", end };
}

test("one command makes a node and runs it, and the next time runs the same", async () => {
  const up = ["node", "up", ...place, ...LOOPBACK, "--no-admin", "--output", "json", "--log-level", "fatal"];
  const peers = new Set<string>();
  for (let time = 0; time < 2; time++) {
    const running = shell.start(...up);
    const line = await eventually(() => /^.*\n/.exec(running.written().out)?.[0], "the node is ready");
    const [address = ""] = (JSON.parse(line) as { addresses: string[] }).addresses;
    peers.add(address.slice(address.lastIndexOf("/")));
    running.process.kill("SIGINT");
    expect(await running.ended).toMatchObject({ code: 0, err: "" });
  }
  expect(peers.size).toBe(1);
}, 60_000);

test("two of them meet by an address, and part where one refuses the other", async () => {
  const [ada, ben] = [await runs("ada"), await runs("ben")];
  const ask = async (...args: string[]): Promise<string> => (await shell.run(...args, "-q")).out.trim();
  expect(ada.address).toMatch(/^\/ip4\/127\.0\.0\.1\/tcp\/[1-9]\d*\/(?:ws\/)?p2p\/\w+$/);
  expect((await ask("network", "status", "--api", ada.url)).split("\n")).toContain(ada.address);
  const peer = await ask("network", "dial", ada.address, "--api", ben.url);
  expect(ada.address.endsWith(`/p2p/${peer}`)).toBe(true);
  expect(await ask("network", "peers", "--api", ben.url)).toBe(peer);
  expect(await ask("peers", "--api", ben.url)).toBe("1");
  expect(await ask("network", "block", peer, "--api", ben.url)).toBe(peer);
  await eventually(async () => ((await ask("peers", "--api", ben.url)) === "0" ? true : undefined), "they part");
  expect((await shell.run("network", "dial", ada.address, "--api", ben.url)).code).not.toBe(0);
  expect(await ask("network", "unblock", peer, "--api", ben.url)).toBe(peer);
  expect(await ask("network", "dial", ada.address, "--api", ben.url)).toBe(peer);
  await Promise.all([ada.end(), ben.end()]);
}, 60_000);

test("its configuration is shown and changed, and nothing is written that it would not start with", async () => {
  await shell.run("node", "init", ...place, "--no-admin", "-q");
  const path = join(shell.folder, "nodes", "one", "config.toml");
  const shown = await shell.run("node", "config", ...place, "gc.check_interval", "-o", "json");
  expect(JSON.parse(shown.out)).toEqual({ gc: { check_interval: 43_200 } });
  expect((await shell.run("node", "config", ...place, "gc.check_interval=60")).out).toContain("60");
  const before = await readFile(path, "utf8");
  expect(before).toContain("check_interval = 60");
  expect(await shell.run("node", "config", ...place, "gc.check_interval=soon")).toMatchObject({ code: 2, out: "" });
  expect((await shell.run("node", "config", ...place, "gc.check_interval", "gc.batch_size=1")).code).toBe(2);
  expect(await readFile(path, "utf8")).toBe(before);
  expect((await shell.run("node", "config", "--home", shell.folder, "--node", "none")).code).toBe(3);
  expect((await shell.run("node", "run", "--home", shell.folder, "--node", "none")).code).toBe(3);
});

test.each([
  [["--server-port", "many"], "server-port"],
  [["--admin-user", "ada"], "admin-password-file"],
  [["--admin-user", "ada", "--admin-password-file", "nowhere"], "cannot be read"],
  [["--auth-mode", "none"], "proxy, embedded"],
])("%j makes no node, and is told why", async (options, said) => {
  const ended = await shell.run("node", "init", ...place, ...options);
  expect([ended.code, ended.out]).toEqual([2, ""]);
  expect(ended.err).toContain(said);
  await expect(stat(join(shell.folder, "nodes", "one", "config.toml"))).rejects.toThrow("ENOENT");
});
