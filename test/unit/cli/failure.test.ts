/** What people are told when something is wrong, and what scripts can branch on. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ShoalError, type ErrorCode } from "@shoal/shared/base/errors.ts";
import { startRegistryServer, TOKEN, type RegistryServer } from "../../support/registry-server.ts";
import { openShell, type Shell } from "./shoal.ts";

let server: RegistryServer;
let shell: Shell;
beforeEach(async () => {
  server = await startRegistryServer({});
  shell = await openShell({ SHOAL_URL: server.url, SHOAL_TOKEN: TOKEN });
});
afterEach(async () => {
  await shell.leave();
  await server.stop();
});

const CODES: readonly [ErrorCode, number][] = [
  ["invalid_argument", 2],
  ["not_found", 3],
  ["already_exists", 4],
  ["precondition_failed", 4],
  ["unauthenticated", 5],
  ["permission_denied", 5],
  ["plan_limit_exceeded", 6],
  ["internal", 1],
];

test("a refusal is a sentence with code, field and request id, and its exit code", async () => {
  const refuse = (code: ErrorCode) => (): never => {
    throw new ShoalError(code, "the name is wrong", { field: "name" });
  };
  for (const [code, exitCode] of CODES) {
    server.handlers["processors.get"] = refuse(code);
    const ended = await shell.run("processors", "get", "meter");
    expect([code, ended.code, ended.out]).toEqual([code, exitCode, ""]);
    expect(ended.err).toMatch(
      new RegExp(`^error: the name is wrong\n  code: ${code}\n  field: name\n  request id: req-test\n`),
    );
    expect(ended.err).not.toMatch(/^ +at /m);
  }
});

test("a program gets the failure as JSON", async () => {
  server.handlers["processors.get"] = () => {
    throw new ShoalError("not_found", "there is no such processor");
  };
  const ended = await shell.run("processors", "get", "meter", "-o", "json");
  expect([ended.code, ended.out]).toEqual([3, ""]);
  expect(JSON.parse(ended.err)).toMatchObject({
    error: { code: "not_found", requestId: "req-test", hint: "`shoal processors list` shows what there is" },
  });
});

test("a server that is not there is named, with what to do", async () => {
  await server.stop();
  const ended = await shell.run("processors", "list");
  expect([ended.code, ended.out]).toEqual([7, ""]);
  expect(ended.err).toContain(`no answer from ${server.url}: ECONNREFUSED`);
  expect(ended.err).toContain("`npm start`");
});

test("nowhere to go says how to name a place", async () => {
  const lost = await openShell();
  const ended = await lost.run("processors", "list");
  expect(ended.code).toBe(2);
  expect(ended.err).toContain("no control plane is known here");
  expect(ended.err).toContain("shoal login --url");
  await lost.leave();
});

describe("wrong usage exits 2 before anything is sent:", () => {
  test.each([
    ["procesors", "Did you mean processors?"],
    ["processors lst", "Did you mean list?"],
    ["processors list --statsu failed", "Did you mean --status?"],
    ["processors list --status sleeping", "Allowed choices are pending, starting"],
    ["processors list --limit 0", "Expected 1 to 10000"],
    ["processors get", "missing required argument 'processor'"],
    ["processors get a b", "too many arguments"],
    ["processors create meter", "required option '--template <template>' not specified"],
    ["processors create meter --template t --env NOEQUALS", "NOEQUALS is not NAME=VALUE"],
    ["processors create meter --template t --config nowhere.json", "nowhere.json is no JSON file"],
    ["processors create meter --template t --config {oops", "what was given is no JSON"],
    ["templates versions create t 1.0 --image app:latest", "named with its digest"],
    ["processors get ..", "has to be an id or a name"],
    ["keys create k --scopes root", "Allowed choices are processors:read"],
    ["--output xml whoami", "Allowed choices are json, table"],
    ["--url ftp://x whoami", "has to be an address such as"],
    ["--profile nobody whoami", "there is no profile nobody"],
    ["processors", "Usage: shoal processors"],
    ["bus tail --amqp-url http://x", "no broker is known"],
    ["operations wait op-1 --timeout never", "Expected seconds"],
  ])("%s", async (command, told) => {
    const ended = await shell.run(...command.split(" "));
    expect([ended.code, ended.out]).toEqual([2, ""]);
    expect(ended.err).toContain(told);
    expect(server.calls).toEqual([]);
  });
});

test("help and version are no failures", async () => {
  const [help, version] = await Promise.all([shell.run("processors", "--help"), shell.run("--version")]);
  expect([help.code, version.code, version.err]).toEqual([0, 0, ""]);
  expect(help.out).toContain("restart");
});
