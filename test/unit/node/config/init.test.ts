/** A node's directory made. */
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silentLog } from "@shoal/shared/base/log.ts";
import { seeded } from "@shoal/shared/base/random.ts";
import { Secret } from "@shoal/shared/base/secret.ts";
import { createAuth } from "@shoal/node/auth/auth.ts";
import { initNode, nodeDirectory, type Initialised } from "@shoal/node/config/init.ts";
import type { InitOptions } from "@shoal/node/config/new-config.ts";
import { openStore } from "@shoal/node/storage/open.ts";
import { createVirtualClock } from "../../../support/virtual-clock.ts";
import { parsed } from "./harness.ts";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "shoal-home-"));
});
afterEach(() => rm(home, { recursive: true }));

const clock = createVirtualClock();
const administrator = { username: "ada", password: new Secret("correct horse") };
let seed = 0;
const init = (options: InitOptions = {}, env: Record<string, string> = {}): Promise<Initialised> =>
  initNode({ home, name: "n1", options, env, clock, random: seeded((seed += 1)) });
const configOf = async (): Promise<ReturnType<typeof parsed>> =>
  parsed(await readFile(join(home, "n1", "config.toml"), "utf8"), { directory: join(home, "n1") });

/** Whether that user can sign in with what is in the store there. */
async function signsIn(path: string, username: string, password: string): Promise<boolean> {
  const store = await openStore({ path, log: silentLog });
  try {
    const { auth: settings } = await configOf();
    const auth = await createAuth({ store, clock, random: seeded(99), log: silentLog, settings, version: "1" });
    const body = JSON.stringify({
      auth_method: "user_password",
      public_key: username,
      client_name: "test",
      timestamp: 1,
      provider_data: { username, password },
    });
    const answer = await auth
      .routes()
      .request("/auth/token", { method: "POST", body, headers: { "content-type": "application/json" } });
    return answer.status === 200;
  } finally {
    await store.close();
  }
}

describe("init", () => {
  it("makes a directory that only its owner can read, with a config that works", async () => {
    const made = await init();
    expect(made).toMatchObject({ directory: join(home, "n1"), administrator: undefined, warnings: [] });
    expect((await stat(made.directory)).mode & 0o777).toBe(0o700);
    expect((await stat(made.configPath)).mode & 0o777).toBe(0o600);
    const config = await configOf();
    expect([config.peerId, config.account.publicKey]).toEqual([made.peerId, made.account]);
    expect(made.peerId).toMatch(/^12D3KooW/);
  });

  it("takes every option", async () => {
    await init({
      bootNetwork: "ipfs",
      swarmHost: ["127.0.0.1"],
      swarmPort: 1,
      swarmWebSocketPort: 3,
      serverHost: ["::"],
      serverPort: 2,
      mdns: false,
      authMode: "embedded",
      authStorage: "memory",
      advertiseAddress: true,
      externalAddress: ["/ip4/203.0.113.7/tcp/1"],
      rendezvousRegistrationsLimit: 4,
      relayRegistrationsLimit: 5,
      autonatProbeInterval: 6,
      autonatMaxCandidates: 7,
      bootNodes: ["/ip4/1.2.3.4/tcp/1/p2p/12D3KooWR5V4zmisVtVdGE6i8jfFwtgRNq5t8eDGxfckKuhXu7Eh"],
      mode: "read-only",
    });
    const { server, auth, authStorage, network } = await configOf();
    expect(server).toMatchObject({ mode: "read-only", listen: [{ host: "::", port: 2 }] });
    expect([auth.mode, authStorage.type]).toEqual(["embedded", "memory"]);
    expect(network.swarm.listen).toEqual(["/ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/3/ws"]);
    expect(network.bootstrap.nodes).toHaveLength(5);
    expect(network.discovery).toMatchObject({
      mdns: false,
      advertise_address: true,
      external_address: ["/ip4/203.0.113.7/tcp/1"],
      rendezvous: { registrations_limit: 4 },
      relay: { registrations_limit: 5 },
      autonat: { probe_interval: 6000, max_candidates: 7 },
    });
  });

  it.each([
    [2428, 2628],
    [0, 0],
    [65_400, 65_200],
  ])("lets browser tabs in beside swarm port %i, at %i", async (swarmPort, port) => {
    await init({ swarmHost: ["127.0.0.1"], swarmPort });
    expect((await configOf()).network.swarm.listen[1]).toBe(`/ip4/127.0.0.1/tcp/${port}/ws`);
  });

  it("makes the administrator, in the node's store or in one of auth's own", async () => {
    const made = await init({ authMode: "embedded", administrator });
    expect(made.administrator).toBe("ada");
    expect(await signsIn(join(made.directory, "data"), "ada", "correct horse")).toBe(true);
    expect(await readFile(made.configPath, "utf8")).not.toContain("correct horse");
    await init({ authMode: "embedded", administrator, authStoragePath: "own", force: true });
    expect(await signsIn(join(made.directory, "own"), "ada", "correct horse")).toBe(true);
    expect(await readdir(made.directory)).not.toContain("data");
  });

  it("takes the administrator of the environment, the options' first", async () => {
    const env = { MERO_AUTH_ADMIN_USER: "eve", MERO_AUTH_ADMIN_PASSWORD: "password of eve" };
    expect((await init({ authMode: "embedded" }, env)).administrator).toBe("eve");
    expect((await init({ administrator, force: true }, env)).administrator).toBe("ada");
    expect((await init({ noAdministrator: true, force: true }, env)).administrator).toBe(undefined);
  });

  it("keeps what is there unless it is forced, and then keeps nothing", async () => {
    const first = await init({ administrator });
    const before = await readFile(first.configPath, "utf8");
    await writeFile(join(first.directory, "mine"), "x");
    await expect(init()).rejects.toMatchObject({ code: "already_exists" });
    expect(await readFile(first.configPath, "utf8")).toBe(before);
    const second = await init({ force: true });
    expect(second.peerId).not.toBe(first.peerId);
    expect(await readdir(second.directory)).toEqual(["config.toml"]);
  });

  it.each([
    ["nobody who could sign in", { authMode: "embedded" }, "admin-user"],
    ["an administrator, and none", { administrator, noAdministrator: true }, "admin-user"],
    ["an administrator whom nobody keeps", { administrator, authStorage: "memory" }, "admin-user"],
    ["a short password", { administrator: { username: "ada", password: new Secret("short") } }, "password"],
    ["memory at a path", { authStorage: "memory", authStoragePath: "x" }, "auth-storage-path"],
    ["a host that is none", { serverHost: ["localhost"] }, "server.listen.0"],
    ["a port that is none", { serverPort: 70_000 }, "server.listen.0"],
    ["a peer without its id", { bootNodes: ["/ip4/1.2.3.4/tcp/1"] }, "bootstrap.nodes.0"],
    ["no probes", { autonatProbeInterval: 0 }, "discovery.autonat.probe_interval"],
  ] satisfies [string, InitOptions, string][])(
    "refuses %s before it changes anything, forced or not",
    async (_what, options, field) => {
      await expect(init(options)).rejects.toMatchObject({ code: "invalid_argument", field });
      expect(await readdir(home)).toEqual([]);
      const { configPath } = await init();
      const before = await readFile(configPath, "utf8");
      await expect(init({ ...options, force: true })).rejects.toMatchObject({ code: "invalid_argument" });
      expect(await readFile(configPath, "utf8")).toBe(before);
    },
  );

  it("can be done again where it was interrupted", async () => {
    await mkdir(join(home, "n1", "data"), { recursive: true });
    expect((await init({ administrator })).administrator).toBe("ada");
  });

  it("removes nothing through a link", async () => {
    const { directory } = await init();
    await symlink(directory, join(home, "n2"));
    const linked = initNode({ home, name: "n2", options: { force: true }, env: {}, clock, random: seeded(5) });
    await expect(linked).rejects.toMatchObject({ code: "conflict" });
    expect(await readdir(directory)).toEqual(["config.toml"]);
  });

  it.each(["", ".", "..", "a/b", "../x", "a\0b", "x".repeat(65), "-x"])("makes no node named %j", (name) => {
    expect(() => nodeDirectory(home, name)).toThrow(
      expect.objectContaining({ code: "invalid_argument", field: "node" }),
    );
  });
});
