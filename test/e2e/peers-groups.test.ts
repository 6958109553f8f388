/** Governing, as people do it: what one of three decides holds for all of them, also where two decided at once and apart. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/clock.ts";
import { levelled } from "../support/mesh-team.ts";
import { agreeOnMembers, agreeOnValue, lines, people, say, store, type People, type Person } from "./people.ts";

const TIMEOUT = { timeout: 60_000 };

let all: People;
let ann: Person;
let ben: Person;
let cid: Person;
let namespace: string;
let context: string;

beforeAll(async () => {
  all = await people(3);
  const [first, second, third] = all.all;
  if (first === undefined || second === undefined || third === undefined) throw new Error("there are three");
  [ann, ben, cid] = [first, second, third];
  [namespace, context] = await home([ben, cid]);
}, 120_000);
afterAll(() => all.end());

/** Ann's namespace with one context, that these belong to as well. */
async function home(others: readonly Person[]): Promise<[namespace: string, context: string]> {
  const id = await ann.shoal("namespace", "create", all.application, "--name", "home");
  const made = await ann.shoal("context", "create", all.application, "--group", id);
  const invitation = await ann.shoal("namespace", "invite", id);
  for (const other of others) await other.shoal("namespace", "join", invitation);
  await agreeOnMembers([ann, ...others], id, [ann, ...others]);
  await say(others, ["call", made, "len"], (said) => said === "0");
  return [id, made];
}

/** It is refused, and nothing of the context is here. */
async function hasNothing({ shoal, refused }: Person, id: string): Promise<void> {
  await refused("call", id, "len");
  expect(lines(await shoal("context", "list"))).not.toContain(id);
}

test("a group below: members of the namespace come into an open one, not into a restricted one", TIMEOUT, async () => {
  const open = await ann.shoal("namespace", "create-group", namespace, "--name", "hall", "--visibility", "open");
  const shut = await ann.shoal("namespace", "create-group", namespace, "--name", "den", "--visibility", "restricted");
  await say(all.all, ["namespace", "groups", namespace], (said) => [open, shut].every((id) => said.includes(id)));
  await ben.shoal("group", "enter", open);
  await agreeOnMembers(all.all, open, [ann, ben]);
  await ben.refused("group", "enter", shut);
  const [hall, den] = await Promise.all(
    [open, shut].map((group) => ann.shoal("context", "create", all.application, "--group", group)),
  );
  await say(all.all, ["group", "contexts", "list", shut], (said) => said === den);
  await ben.shoal("context", "join", hall ?? "").catch(() => undefined);
  await store(ann, hall ?? "", "where", "hall");
  await store(ann, den ?? "", "where", "den");
  await agreeOnValue([ann, ben], hall ?? "", "where", "hall");
  await ben.refused("context", "join", den ?? "");
  await hasNothing(ben, den ?? "");
  await ann.shoal("group", "members", "add", shut, ben.account);
  await say([ben], ["group", "members", "list", shut], (said) => said.includes(ben.account));
  await ben.shoal("context", "join", den ?? "").catch(() => undefined);
  await agreeOnValue([ben], den ?? "", "where", "den");
  await hasNothing(cid, den ?? "");
});

test("capabilities and roles given on one node hold on the member's own", TIMEOUT, async () => {
  await ben.refused("context", "create", all.application, "--group", namespace);
  await ann.shoal("group", "members", "capabilities", namespace, ben.account, "--set", "createContext,joinOpen");
  await say([ben], ["group", "members", "capabilities", namespace, ben.account], (said) => said.includes("create"));
  // The app is on Ben's node since he follows a context that runs it.
  const made = await ben.shoal("context", "create", all.application, "--group", namespace);
  await store(ben, made, "made by", "ben");
  await agreeOnValue(all.all, made, "made by", "ben");

  const role = (member: Person): Promise<string | undefined> =>
    member
      .json<{ identity: string; role: string }[]>("group", "members", "list", namespace)
      .then((members) => members.find(({ identity }) => identity === cid.account)?.role);
  await ann.shoal("group", "members", "set-role", namespace, cid.account, "ReadOnly");
  for (const each of all.all)
    await eventually(async () => ((await role(each)) === "ReadOnly" ? true : undefined), "reads only");
  // A method runs for who may only read, and what it would change is discarded.
  await store(cid, context, "by a reader", "x");
  await store(ann, context, "for", "readers");
  await agreeOnValue(all.all, context, "for", "readers");
  await levelled(all.mesh.nodes, context);
  await agreeOnValue(all.all, context, "by a reader", undefined);
  await ann.shoal("group", "members", "set-role", namespace, cid.account, "Member");
  for (const each of all.all)
    await eventually(async () => ((await role(each)) === "Member" ? true : undefined), "writes again");
  await store(cid, context, "by", "cid");
  await agreeOnValue(all.all, context, "by", "cid");
});

test("a restricted context is for who is on its list, until they are not", TIMEOUT, async () => {
  await ann.shoal("group", "settings", namespace, "--default-visibility", "restricted");
  const secret = await ann.shoal("context", "create", all.application, "--group", namespace);
  await ann.shoal("group", "settings", namespace, "--default-visibility", "open");
  await ann.shoal("group", "contexts", "allowlist", namespace, secret, "--add", ben.account);
  await say([ben], ["group", "contexts", "allowlist", namespace, secret], (said) => said.includes(ben.account));
  await ben.shoal("context", "join", secret).catch(() => undefined);
  await store(ann, secret, "for", "two");
  await agreeOnValue([ann, ben], secret, "for", "two");
  await say([cid], ["group", "contexts", "list", namespace], (said) => said.includes(secret));
  await cid.refused("context", "join", secret);
  await cid.shoal("context", "sync").catch(() => undefined);
  await hasNothing(cid, secret);

  await ann.shoal("group", "contexts", "allowlist", namespace, secret, "--remove", ben.account, "--add", cid.account);
  await say([ben, cid], ["group", "contexts", "allowlist", namespace, secret], (said) => !said.includes(ben.account));
  await cid.shoal("context", "join", secret).catch(() => undefined);
  await store(ann, secret, "for", "others");
  await agreeOnValue([cid], secret, "for", "others");
  await ben.shoal("context", "sync", secret).catch(() => undefined);
  const read = await ben.shoal("call", secret, "get", "--args", '{"key":"for"}').catch(() => "nothing");
  expect(['"two"', "nothing"]).toContain(read);
});

test("raised on one node while removed on another: removed for all, and told nothing more", TIMEOUT, async () => {
  const [group, shared] = await home([ben, cid]);
  await ann.shoal("group", "members", "set-role", group, ben.account, "Admin");
  await eventually(async () => {
    const members = await ben.json<{ identity: string; role: string }[]>("group", "members", "list", group);
    return members.find(({ identity }) => identity === ben.account)?.role === "Admin" ? true : undefined;
  }, "Ben is an admin");
  await all.mesh.part([ben.node], [ann.node, cid.node]);
  await ann.shoal("group", "members", "set-role", group, cid.account, "Admin");
  await eventually(() => cid.shoal("group", "metadata", group, "--name", "of Cid", "--clear"), "Cid is an admin there");
  await ben.shoal("group", "members", "remove", group, cid.account);
  await store(ben, shared, "while", "apart");
  await all.mesh.heal();
  await agreeOnMembers([ann, ben], group, [ann, ben]);
  await agreeOnValue([ann, ben], shared, "while", "apart");
  // The one who was removed learns that, and what he named the group in the meantime is void.
  const names = await Promise.all([ann, ben].map(({ shoal }) => shoal("group", "metadata", group)));
  expect(names).toEqual(["home", "home"]);
  await store(ann, shared, "secret", "for two");
  await agreeOnValue([ann, ben], shared, "secret", "for two");
  await levelled([ann.node, ben.node], shared);
  await cid.shoal("context", "sync", shared).catch(() => undefined);
  const read = await cid.shoal("call", shared, "get", "--args", '{"key":"secret"}').catch(() => "null");
  expect(read).toBe("null");
  await cid.shoal("call", shared, "set", "--args", '{"key":"from outside","value":"x"}').catch(() => undefined);
  await store(ben, shared, "after", "that");
  await agreeOnValue([ann, ben], shared, "after", "that");
  for (const { shoal } of [ann, ben]) {
    expect(await shoal("call", shared, "get", "--args", '{"key":"from outside"}')).toBe("null");
  }
});

test("labels are read on every node; who leaves is gone from all", TIMEOUT, async () => {
  await ann.shoal("group", "metadata", namespace, "--name", "our home", "--set", "colour=red");
  await say(all.all, ["group", "metadata", namespace], (said) => said === "our home");
  await cid.shoal("namespace", "leave", namespace);
  await agreeOnMembers([ann, ben], namespace, [ann, ben]);
  await store(ann, context, "cid", "is gone");
  await agreeOnValue([ann, ben], context, "cid", "is gone");
  const read = await cid.shoal("call", context, "get", "--args", '{"key":"cid"}').catch(() => "null");
  expect(read).toBe("null");
});
