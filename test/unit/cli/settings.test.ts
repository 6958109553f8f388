/** Which control plane, as whom: flags, environment, profiles, `local.json`; and signing in with the real local provider. */
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startIdentity, type IdentityServer } from "@shoal/emulator/identity/index.ts";
import { ShoalError } from "@shoal/shared/base/errors.ts";
import { silentLog } from "@shoal/shared/base/log.ts";
import { findConnection } from "@shoal/cli/settings/connection.ts";
import { eventually, systemClock } from "../../support/clock.ts";
import { whoami } from "../../support/registry-samples.ts";
import { startRegistryServer, TOKEN, type RegistryServer } from "../../support/registry-server.ts";
import { openShell, type Ended, type Shell } from "./shoal.ts";

let server: RegistryServer;
let shell: Shell;
let profiles: string;
beforeEach(async () => {
  server = await startRegistryServer({ "sessions.current": () => whoami, "sessions.end": () => undefined });
  shell = await openShell();
  profiles = join(shell.folder, "config", "shoal", "config.json");
});
afterEach(async () => {
  await shell.leave();
  await server.stop();
});

async function writeLocal(content: object): Promise<string> {
  const path = join(shell.folder, ".shoal", "local.json");
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, JSON.stringify(content));
  return path;
}

describe("where it connects", () => {
  const find = (flags: object, env: NodeJS.ProcessEnv = {}, cwd = shell.folder) =>
    findConnection(flags, { env: { ...shell.env, ...env }, cwd });

  test("local.json is found from a folder below, and gives everything", async () => {
    const path = await writeLocal({ apiUrl: "http://l", token: "l", amqpUrl: "amqp://l", issuer: "http://i", pid: 1 });
    const below = join(shell.folder, "a", "b");
    expect(await find({}, {}, below)).toEqual({
      url: "http://l",
      token: "l",
      source: path,
      isLocal: true,
      amqpUrl: "amqp://l",
      issuer: "http://i",
    });
  });

  test("a token goes only to the address that it was given with", async () => {
    await writeLocal({ apiUrl: "http://l", token: "secret", amqpUrl: "amqp://l" });
    for (const other of [await find({ url: "http://other" }), await find({}, { SHOAL_URL: "http://other" })])
      expect(other).toMatchObject({ url: "http://other", token: undefined, amqpUrl: undefined, isLocal: false });
    expect(await find({ url: "http://l/" })).toMatchObject({ token: "secret" });
    expect(await find({ url: "http://other", token: "t" })).toMatchObject({ token: "t" });
  });

  test("flags come before the environment, a named profile before local.json, and that before the default profile", async () => {
    await mkdir(dirname(profiles), { recursive: true });
    const content = { profiles: { default: { url: "http://d", token: "d" }, work: { url: "http://w", token: "w" } } };
    await writeFile(profiles, JSON.stringify(content));
    expect(await find({})).toMatchObject({ url: "http://d", token: "d", source: "profile default" });
    await writeLocal({ apiUrl: "http://l", token: "l" });
    expect(await find({})).toMatchObject({ url: "http://l", token: "l" });
    expect(await find({}, { SHOAL_PROFILE: "work" })).toMatchObject({ url: "http://w", token: "w" });
    expect(await find({ profile: "work" }, { SHOAL_TOKEN: "e" })).toMatchObject({ url: "http://w", token: "e" });
    expect(await find({ token: "f" }, { SHOAL_TOKEN: "e" })).toMatchObject({ token: "f" });
    await expect(find({ profile: "__proto__" })).rejects.toMatchObject({ code: "invalid_argument", field: "profile" });
  });

  test.each(["{", "[]", '{"profiles":{"default":{"url":1,"token":"t"}}}'])(
    "a broken config file is named: %s",
    async (content) => {
      await mkdir(dirname(profiles), { recursive: true });
      await writeFile(profiles, content);
      const ended = await shell.run("whoami");
      expect(ended.code).toBe(2);
      expect(ended.err).toContain(profiles);
    },
  );
});

describe("signing in", () => {
  test("by a token: kept in a file that only its owner reads, used, and forgotten", async () => {
    const login = await shell.run("login", "--url", server.url, "--token", TOKEN);
    expect(login).toMatchObject({ code: 0, err: "" });
    expect(login.out).toContain("Acme (acme)");
    expect((await stat(profiles)).mode & 0o777).toBe(0o600);
    expect((await stat(dirname(profiles))).mode & 0o777).toBe(0o700);
    expect((await shell.run("whoami")).out).toContain("profile default");
    expect(await shell.run("logout")).toMatchObject({ code: 0, out: expect.stringContaining("its session is ended") });
    expect(server.calls.at(-1)?.id).toBe("sessions.end");
    expect(await readFile(profiles, "utf8")).not.toContain(TOKEN);
    expect((await shell.run("logout")).code).toBe(2);
  });

  test("by a token that is wrong keeps nothing", async () => {
    expect((await shell.run("login", "--url", server.url, "--token", "wrong")).code).toBe(5);
    await expect(stat(profiles)).rejects.toThrow("ENOENT");
  });

  test("an API key is forgotten here and stays valid there", async () => {
    server.handlers["sessions.end"] = () => {
      throw new ShoalError("permission_denied", "an API key has no session");
    };
    await shell.run("login", "--url", server.url, "--token", TOKEN, "--profile", "work");
    const ended = await shell.run("logout", "--profile", "work");
    expect(ended).toMatchObject({ code: 0, out: expect.stringContaining("shoal keys revoke") });
  });

  describe("by a code", () => {
    let identity: IdentityServer;
    let outcome: Ended;
    beforeEach(async () => {
      const clients = [{ id: "shoal", name: "Shoal", redirectUris: [] }];
      const users = [{ email: "ada@example.test", name: "Ada" }];
      const dataDir = join(shell.folder, "identity");
      identity = await startIdentity({ dataDir, port: 0, log: silentLog, clock: systemClock, clients, users });
    });
    afterEach(() => identity.stop());

    const answer = async (fields: Record<string, string>): Promise<void> => {
      const running = shell.start("login", "--url", server.url, "--issuer", identity.issuer);
      const code = await eventually(() => /confirm the code (\S+)/.exec(running.written().err)?.[1], "a code");
      const body = new URLSearchParams({ user_code: code, ...fields });
      expect((await fetch(`${identity.issuer}/device`, { method: "POST", body })).status).toBe(200);
      outcome = await running.ended;
    };

    test("that the person confirms in a browser", async () => {
      server.handlers["sessions.create"] = ({ body }) => {
        const [, claims = ""] = (body as { id_token: string }).id_token.split(".");
        const { email, aud } = JSON.parse(Buffer.from(claims, "base64url").toString()) as {
          email: string;
          aud: string;
        };
        if (email !== "ada@example.test" || aud !== "shoal") throw new ShoalError("unauthenticated", "not Ada");
        return {
          token: TOKEN,
          expires_at: "2030-01-01T00:00:00Z",
          organisation: whoami.organisation,
          user: { id: "u", email, name: "Ada" },
        };
      };
      await answer({ user: "ada@example.test" });
      expect(outcome).toMatchObject({ code: 0, out: expect.stringContaining("Ada") });
      expect(await readFile(profiles, "utf8")).toContain(TOKEN);
    });

    test("that the person turns away", async () => {
      await answer({ answer: "no" });
      expect(outcome).toMatchObject({ code: 5, err: expect.stringContaining("refused") });
    });

    test("that the program stops waiting for on Ctrl-C", async () => {
      const running = shell.start("login", "--url", server.url, "--issuer", identity.issuer);
      await eventually(() => /confirm the code/.exec(running.written().err)?.[0], "a code");
      running.process.kill("SIGINT");
      expect(await running.ended).toMatchObject({ code: 130, err: expect.not.stringMatching(/^ +at /m) });
    });
  });
});
