/** `config key=value` and `--print`. */
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { editConfig, showConfig } from "@shoal/node/config/edit.ts";
import { fresh, parsed } from "./harness.ts";

let path: string;
beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), "shoal-config-")), "config.toml");
  await writeFile(path, `${fresh()}# at the end\n`, { mode: 0o644 });
});
afterEach(() => rm(dirname(path), { recursive: true }));

describe("an edit", () => {
  it.each([
    ["server.auth_mode=embedded", (text: string) => parsed(text).auth.mode, "embedded"],
    ['server.auth_mode="embedded"', (text: string) => parsed(text).auth.mode, "embedded"],
    [
      'server.listen=["/ip4/0.0.0.0/tcp/1"]',
      (text: string) => parsed(text).server.listen,
      [{ host: "0.0.0.0", port: 1 }],
    ],
    ["server.sse.enabled=false", (text: string) => parsed(text).server.enabled.sse, false],
    ["runtime.limits.max_gas=5", (text: string) => parsed(text).limits.maxGas, 5n],
    ["mode=read-only", (text: string) => parsed(text).server.mode, "read-only"],
    ["datastore.path=/var/lib/x", (text: string) => parsed(text).datastorePath, "/var/lib/x"],
    ["server.embedded_auth.jwt.issuer=me", (text: string) => parsed(text).auth.issuer, "me"],
    ["gc.dry_run=true", (text: string) => parsed(text).gc.dry_run, true],
  ])("%s", async (edit, found, value) => {
    const text = await editConfig(path, [edit]);
    expect(found(text)).toEqual(value);
    expect(await readFile(path, "utf8")).toBe(text);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(dirname(path))).toEqual(["config.toml"]);
  });

  it("leaves comments and every other line", async () => {
    const before = (await readFile(path, "utf8")).split("\n");
    const after = (await editConfig(path, ["sync.timeout_ms=5", "server.auth_mode=embedded"])).split("\n");
    expect(after.filter((line) => !before.includes(line))).toEqual(['auth_mode = "embedded"', "timeout_ms = 5"]);
    expect(after).toContain("# at the end");
  });

  it("replaces a list of several lines, and one in a table of one line", async () => {
    const listed = fresh().replace(
      /\[swarm\]\nlisten = .*\n/,
      '[swarm]\nlisten = [ # all\n  "/ip4/0.0.0.0/tcp/1",\n]\n',
    );
    expect(listed).toContain("# all");
    await writeFile(path, listed);
    expect(parsed(await editConfig(path, ["swarm.listen=[]"])).network.swarm.listen).toEqual([]);
    const inline = `gc = { check_interval = 5 }\n${fresh().replace(/\[gc\]\ncheck_interval = \d+\n/, "")}`;
    await writeFile(path, inline);
    expect(parsed(await editConfig(path, ["gc.dry_run=true"])).gc).toMatchObject({
      check_interval: 5000,
      dry_run: true,
    });
  });

  it.each([
    ["server.auth_mode=open", "server.auth_mode"],
    ["server.nothing=1", "server.nothing"],
    ["mode.x=1", "mode"],
    ["server.listen=[", "server.listen"],
    ['mode="standard"\nx=1', "mode"],
    ["mode=standard # x", "mode"],
    ["mode", "mode"],
    ["=1", ""],
    ["a..b=1", "a..b"],
    ["__proto__.x=1", "__proto__"],
    ["identity.keypair=abc", "identity.keypair"],
  ])("%j changes nothing, and says which key", async (edit, field) => {
    const before = await readFile(path, "utf8");
    await expect(editConfig(path, ["gc.dry_run=true", edit])).rejects.toMatchObject({
      code: "invalid_argument",
      field,
    });
    expect(await readFile(path, "utf8")).toBe(before);
  });

  it("keeps the file to its owner, whatever a crash left beside it", async () => {
    await writeFile(`${path}.new`, "half", { mode: 0o666 });
    await editConfig(path, ["gc.dry_run=true"]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it("of no file is not found", async () => {
    await expect(editConfig(`${path}.other`, [])).rejects.toMatchObject({ code: "not_found" });
  });
});

describe("what is shown", () => {
  it("has no secrets", async () => {
    const text = await readFile(path, "utf8");
    const json = JSON.parse(showConfig(text, [], "json")) as {
      identity: { keypair: string; group: { secret_key: string } };
    };
    expect([json.identity.keypair, json.identity.group.secret_key]).toEqual(["[secret]", "[secret]"]);
    expect(showConfig(text, ["identity"], "toml")).not.toContain(/keypair = "(\w+)"/.exec(text)?.[1]);
  });

  it("is what was asked for", async () => {
    const text = await readFile(path, "utf8");
    expect(JSON.parse(showConfig(text, ["server.auth_mode", "sync.timeout_ms"], "json"))).toEqual({
      server: { auth_mode: "proxy" },
      sync: { timeout_ms: 30_000 },
    });
    expect(showConfig(text, ["server.auth_mode"], "toml")).toBe('[server]\nauth_mode = "proxy"\n');
    expect(() => showConfig(text, ["server.nothing"], "json")).toThrow(
      expect.objectContaining({ code: "not_found", field: "server.nothing" }),
    );
  });
});
