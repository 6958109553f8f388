/** config.toml read: defaults, every section, the environment, and all that can be wrong with it. */
import * as fc from "fast-check";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { DEFAULT_AUTH_SETTINGS } from "@shoal/node/auth/settings.ts";
import { homeOf } from "@shoal/node/config/config.ts";
import { DEFAULT_LIMITS } from "@shoal/node/runtime/limits.ts";
import { account, fresh, identity, least, parsed, problems } from "./harness.ts";

describe("the least of files", () => {
  it("has every default", () => {
    const config = parsed(least());
    expect(config.identity.publicKey).toBe(identity.publicKey);
    expect(config.account).toBe(config.identity);
    expect(config.server).toEqual({
      listen: [{ host: "127.0.0.1", port: 2528 }],
      prefix: "",
      mode: "standard",
      enabled: { admin: true, jsonrpc: true, websocket: true, sse: true },
      origins: "*",
    });
    expect(config.auth).toEqual(DEFAULT_AUTH_SETTINGS);
    expect(config.authStorage).toEqual({ type: "persistent", path: undefined });
    expect([config.datastorePath, config.blobstorePath]).toEqual(["/srv/node/data", "/srv/node/blobs"]);
    expect(config.limits).toEqual(DEFAULT_LIMITS);
    expect(config.sync).toEqual({
      timeout_ms: 30_000,
      interval_ms: 5000,
      frequency_ms: 10_000,
      session_deadline_ms: 30_000,
    });
    expect(config.gc).toMatchObject({ check_interval: 43_200_000, tombstone_retention: 86_400_000, dry_run: false });
    expect(config.warnings).toEqual([]);
  });

  it("is what init writes, too", () => {
    const config = parsed(fresh());
    expect(config.account.publicKey).toBe(account.publicKey);
    expect(config.server.listen).toEqual([
      { host: "127.0.0.1", port: 2528 },
      { host: "::1", port: 2528 },
    ]);
    expect(config.network.swarm.listen).toEqual([
      "/ip4/0.0.0.0/tcp/2428",
      "/ip4/0.0.0.0/tcp/2628/ws",
      "/ip6/::/tcp/2428",
      "/ip6/::/tcp/2628/ws",
    ]);
  });
});

describe("each section", () => {
  it("is taken over", () => {
    const config = parsed(
      `mode = "read-only"\n${least(`
auth_mode = "embedded"
websocket = { enabled = false }
[server.embedded_auth]
trusted_proxies = 1
jwt = { issuer = "mine", access_token_expiry = 60, refresh_token_expiry = 600, node_host = "node.example" }
storage = { type = "rocksdb", path = "auth" }
cors = { allowed_origins = ["https://app.example"] }
providers = { user_password = false }
user_password = { min_password_length = 12, max_password_length = 64 }
development = { enable_mock_auth = true, mock_auth_header_value = "hush" }
[server.embedded_auth.security.headers.csp]
connect_src = ["https://app.example"]
[bootstrap]
nodes = ["/dns4/boot.example/tcp/1/p2p/12D3KooWR5V4zmisVtVdGE6i8jfFwtgRNq5t8eDGxfckKuhXu7Eh"]
[discovery]
mdns = false
rendezvous = { discovery_interval = { secs = 90, nanos = 0 } }
autonat = { probe_interval = 20 }
[datastore]
path = "/var/lib/node"
[gc]
check_interval = 60
dry_run = true
[tee.kms.phala]
url = "https://kms.example"
`)}`,
    );
    expect(config.server).toMatchObject({
      mode: "read-only",
      enabled: { websocket: false, sse: true },
      origins: ["https://app.example"],
    });
    expect(config.auth).toMatchObject({
      mode: "embedded",
      issuer: "mine",
      accessTokenExpiry: 60_000,
      refreshTokenExpiry: 600_000,
      nodeHost: "node.example",
      userPassword: { enabled: false, minLength: 12, maxLength: 64 },
      trustedProxies: 1,
      csp: { connectSrc: ["https://app.example"] },
    });
    expect(config.auth.mock?.header?.reveal()).toBe("hush");
    expect(config.authStorage).toEqual({ type: "persistent", path: "/srv/node/auth" });
    expect(config.datastorePath).toBe("/var/lib/node");
    expect(config.network.discovery).toMatchObject({ mdns: false, rendezvous: { discovery_interval: 90_000 } });
    expect(config.gc).toMatchObject({ check_interval: 60_000, dry_run: true });
    expect(config.kms).toMatchObject({
      url: "https://kms.example",
      attestation: { allowed_tcb_statuses: ["UpToDate"] },
    });
    expect(config.warnings).toEqual([expect.stringContaining("mock tokens")]);
  });

  it("of the key service may leave out its name, as the fourth generation does", () => {
    expect(parsed(least(`[tee.kms]\nurl = "http://127.0.0.1:1"\n`)).kms?.url).toBe("http://127.0.0.1:1");
  });

  it("has auth in memory", () => {
    expect(parsed(least(`[server.embedded_auth.storage]\ntype = "memory"\n`)).authStorage).toEqual({ type: "memory" });
  });
});

describe("limits", () => {
  const snake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

  it.each(Object.keys(DEFAULT_LIMITS))("%s can be set", (name) => {
    const limits = parsed(least(`[runtime.limits]\n${snake(name)} = 7\n`)).limits as unknown as Record<
      string,
      number | bigint
    >;
    expect(limits).toEqual({ ...DEFAULT_LIMITS, [name]: name === "maxGas" ? 7n : 7 });
  });

  it("have upstream's names beside ours, and no others", () => {
    expect(parsed(least("[runtime.limits]\nmax_log_size = 9\n")).limits.maxLogBytes).toBe(9);
    expect(problems(least("[runtime.limits]\nmax_log_size = 9\nmax_log_bytes = 9\n"))[0]).toMatch(
      /^runtime.limits.max_log_size: /,
    );
    expect(problems(least("[runtime.limits]\nmax_fun = 9\n"))).toEqual([
      "runtime.limits.max_fun: there is no such key",
    ]);
    expect(problems(least("[runtime.limits]\nmax_gas = 0\nmax_memory_pages = 65537\n"))).toHaveLength(2);
  });
});

describe("the environment", () => {
  it("gives the first administrator and the prefix", () => {
    const env = { MERO_AUTH_ADMIN_USER: "ada", MERO_AUTH_ADMIN_PASSWORD: "correct horse", NODE_PATH_PREFIX: "/n/1/" };
    const config = parsed(least(), { env });
    expect(config.auth.firstAdministrator?.username).toBe("ada");
    expect(config.server.prefix).toBe("/n/1");
    expect(inspect(config, { depth: 9 })).not.toContain("correct horse");
    expect(
      JSON.stringify(config, (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value)),
    ).not.toContain("correct horse");
  });

  it("gives half an administrator to nobody", () => {
    expect(problems(least(), { env: { MERO_AUTH_ADMIN_USER: "ada" } })).toEqual([
      expect.stringMatching(/^MERO_AUTH_ADMIN_PASSWORD: /),
    ]);
    expect(problems(least(), { env: { NODE_PATH_PREFIX: "no slash" } })).toEqual([
      expect.stringMatching(/^NODE_PATH_PREFIX: /),
    ]);
  });

  it("says where nodes are", () => {
    expect(homeOf({ CALIMERO_HOME: "/srv" })).toBe("/srv");
    expect(homeOf({})).toMatch(/\/\.calimero$/);
  });

  it("is overruled by the command's auth mode", () => {
    expect(parsed(least(), { authMode: "embedded" }).auth.mode).toBe("embedded");
  });
});

describe("what is wrong", () => {
  it.each([
    ["a key that nobody knows", "[swarm]\nlisten = []\nport = 1\n", "swarm.port: there is no such key"],
    ["a section that nobody knows", "[swarms]\nx = 1\n", "swarms: there is no such key"],
    [
      "a word that is none",
      `auth_mode = "open"\n`,
      'server.auth_mode: Invalid option: expected one of "proxy"|"embedded"',
    ],
    ["a port beyond", `[swarm]\nlisten = ["/ip4/0.0.0.0/tcp/65536"]\n`, "swarm.listen.0: expected a multiaddress"],
    [
      "no address of a peer",
      `[bootstrap]\nnodes = ["/ip4/1.2.3.4/tcp/1"]\n`,
      "bootstrap.nodes.0: expected a multiaddress that ends",
    ],
    ["no time at all", "[gc]\ncheck_interval = 0\n", "gc.check_interval: "],
    ["half a second", "[sync]\ntimeout_ms = 0.5\n", "sync.timeout_ms: "],
    [
      "a span that is none",
      `[discovery.autonat]\nprobe_interval = "10s"\n`,
      "discovery.autonat.probe_interval: expected whole seconds",
    ],
    [
      "lengths the wrong way round",
      "[server.embedded_auth.user_password]\nmin_password_length = 200\n",
      "server.embedded_auth.user_password.min_password_length: ",
    ],
    [
      "mock tokens for everybody",
      "[server.embedded_auth.development]\nenable_mock_auth = true\n",
      "server.embedded_auth.development.mock_auth_header_value: ",
    ],
    [
      "an unknown provider",
      "[server.embedded_auth.providers]\nnear_wallet = true\n",
      "server.embedded_auth.providers.near_wallet: ",
    ],
    ["a service without an address", "[tee.kms.phala]\n", "tee.kms.phala.url: "],
    [
      "a policy that allows nothing",
      `[tee.kms.phala]\nurl = "https://k"\nattestation = { enabled = true }\n`,
      "tee.kms.phala.attestation.allowed_mrtd: ",
    ],
    [
      "half a certificate",
      `[tee.kms]\nurl = "https://k"\ntls = { client_cert_path = "c" }\n`,
      "tee.kms.tls.client_key_path: ",
    ],
  ])("is told: %s", (_what, more, line) => {
    expect(problems(least(more)).map((each) => each.slice(0, line.length))).toContain(line);
  });

  it("is told all at once", () => {
    const lines = problems(`mode = "half"\n[server]\nlisten = []\n[gc]\nbatch_size = -1\n`);
    expect(new Set(lines.map((line) => line.split(":")[0]))).toEqual(
      new Set(["gc.batch_size", "identity", "mode", "server.listen"]),
    );
  });

  it("is told of identities without repeating them", () => {
    const pair = fresh().match(/keypair = "(\w+)"/)?.[1] ?? "";
    const other = fresh().replace(/peer_id = "\w+"/, 'peer_id = "12D3KooWx"');
    expect(problems(other)).toEqual(["identity.peer_id: is not that of identity.keypair"]);
    const swapped = fresh().replace(/public_key = "\w+"/, `public_key = "${identity.publicKey}"`);
    expect(problems(swapped)).toEqual(["identity.group.public_key: is not that of identity.group.secret_key"]);
    const cut = fresh().replace(pair, pair.slice(1));
    expect(problems(cut)[0]).toMatch(/^identity.keypair: /);
    expect(problems(cut).join()).not.toContain(pair.slice(1));
  });

  it("is told of text that is no TOML, without the text", () => {
    const lines = problems(`[identity]\nkeypair = "secret words\n`);
    expect(lines).toEqual([expect.stringMatching(/^line 2, column \d+: /)]);
    expect(lines.join()).not.toContain("secret words");
  });

  it("is never a crash", () => {
    const line = fc.oneof(
      fc.constantFrom(
        "[server]",
        "[identity]",
        "x = 1",
        "mode = []",
        "[[gc]]",
        "server = 3",
        "__proto__ = 1",
        "[runtime.limits]",
        "max_gas = 99999999999999999999",
        "a.b.c = {}",
      ),
      fc.string({ maxLength: 20 }),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 6 }), (lines) => {
        expect(problems(lines.join("\n")).length).toBeGreaterThan(0);
      }),
      { numRuns: 500 },
    );
  });
});

describe("a warning", () => {
  it("tells whoever listens for everybody without a guard", () => {
    const open = fresh({ serverHost: ["0.0.0.0"] });
    expect(parsed(open).warnings).toEqual([expect.stringContaining("0.0.0.0")]);
    expect(parsed(open, { authMode: "embedded" }).warnings).toEqual([]);
  });

  it("tells of addresses that nothing listens on, and of announcing nothing", () => {
    const text = least(
      `[swarm]\nlisten = ["/ip4/127.0.0.1/udp/1/quic-v1", "/ip4/127.0.0.1/tcp/1/ws"]\n[discovery]\nadvertise_address = true\n`,
    );
    expect(parsed(text).warnings).toEqual([
      expect.stringContaining("/ip4/127.0.0.1/udp/1/quic-v1"),
      expect.stringContaining("external_address"),
    ]);
  });

  it("tells of keys without effect", () => {
    const text = least(`[server.embedded_auth]\nlisten_addr = "127.0.0.1:3001"\n`);
    expect(parsed(text).warnings).toEqual(["server.embedded_auth.listen_addr has no effect"]);
  });
});
