/** Keys of a node by the command line: who may sign in, what applications get, and what each may. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openOwnNode, USER, type OwnNode } from "../../support/own-node.ts";
import { nodeShell, type NodeShell } from "./node-shell.ts";

let own: OwnNode;
let shell: NodeShell;
beforeAll(async () => {
  own = await openOwnNode();
  shell = nodeShell(own.folder);
  await shell.out("auth", "login", "--api", own.url, "--username", USER, "--as", "own");
});
afterAll(() => own.leave());

async function signedIn(username: string): Promise<NodeShell> {
  const other = nodeShell(join(own.folder, username));
  await other.out("auth", "login", "--api", own.url, "--username", username);
  return other;
}

test("a key is made, signs in, may what it was given and no more, and is told who can change that", async () => {
  const id = await shell.out("auth", "keys", "create", "bob", "--permissions", "blob:list", "application:list", "-q");
  const bob = await signedIn("bob");
  expect(await bob.out("app", "list", "-q")).toBe("");
  const refused = await bob.shoal("context", "list");
  expect(refused).toMatchObject({ code: 5, err: expect.stringContaining("context:list") });
  expect(refused.err).toContain("shoal auth keys permissions");
  expect(await bob.shoal("node", "status")).toMatchObject({ code: 0, err: expect.stringContaining("administrators") });

  expect(await shell.json("auth", "keys", "permissions", id, "--add", "context:list", "--remove", "blob:list")).toEqual(
    {
      key: id,
      permissions: expect.arrayContaining(["application:list", "context:list"]),
    },
  );
  own.expireTokens();
  expect(await bob.out("context", "list", "-q")).toBe("");
  expect((await bob.shoal("blob", "list")).code).toBe(5);
  expect(await shell.out("auth", "keys", "permissions", id, "-q")).not.toContain("blob:list");
  expect((await shell.shoal("auth", "keys", "permissions", id, "--add", "admin", "--remove", "admin")).code).toBe(2);
});

test("nobody gives what they do not have, and a taken name is refused", async () => {
  await shell.out("auth", "keys", "create", "carol", "--permissions", "keys:create", "-q");
  const carol = await signedIn("carol");
  expect((await carol.shoal("auth", "keys", "create", "dave", "--permissions", "admin")).code).toBe(5);
  expect((await shell.shoal("auth", "keys", "create", "carol", "--permissions", "admin")).code).toBe(4);
  expect((await shell.shoal("auth", "keys", "create", "dave", "--permissions", "fly")).code).toBe(2);
  expect((await shell.shoal("auth", "keys", "create", "dave")).code).toBe(2);
});

test("revoking ends every sign-in of a key, and deleting it ends the key", async () => {
  const id = await shell.out("auth", "keys", "create", "erin", "--permissions", "application:list", "-q");
  const erin = await signedIn("erin");
  expect(await shell.out("auth", "revoke", id, "-q")).toBe(id);
  const over = await erin.shoal("app", "list");
  expect(over).toMatchObject({ code: 5, err: expect.stringContaining("the sign-in is over: `shoal auth login") });
  await erin.out("auth", "login", "--api", own.url, "--username", "erin");
  expect(await shell.out("auth", "keys", "delete", id, "-q")).toBe(id);
  expect((await erin.shoal("app", "list")).code).toBe(5);
  expect((await erin.shoal("auth", "login", "--api", own.url, "--username", "erin")).code).toBe(5);
});

test("an application's tokens may what they were made for, until their key is deleted", async () => {
  const made = await shell.json<{ accessToken: string; refreshToken: string }>(
    "auth",
    "client-key",
    "--permissions",
    "application:list",
  );
  const ask = async (path: string): Promise<number> =>
    (await fetch(own.url + path, { headers: { authorization: `Bearer ${made.accessToken}` } })).status;
  expect([await ask("/admin-api/applications"), await ask("/admin-api/blobs")]).toEqual([200, 403]);
  const [key] = await shell.json<{ client_id: string; root_key_id: string }[]>("auth", "keys", "list", "--clients");
  await shell.out("auth", "keys", "delete", key?.client_id ?? "", "--client-of", key?.root_key_id ?? "");
  expect(await ask("/admin-api/applications")).toBe(401);
  expect((await shell.shoal("auth", "client-key")).code).toBe(2);
});
