/** Getting in, as people do it: every kind of invitation, carried as text from one node to another, and what is made of it there. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/clock.ts";
import { agreeOnMembers, agreeOnValue, people, say, store, type People, type Person } from "./people.ts";

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
  namespace = await ann.shoal("namespace", "create", all.application, "--name", "home");
  context = await ann.shoal("context", "create", all.application, "--group", namespace);
}, 120_000);
afterAll(() => all.end());

const invite = (...options: readonly string[]): Promise<string> =>
  ann.shoal("namespace", "invite", namespace, ...options);

test("one that was altered on its way is refused", TIMEOUT, async () => {
  const invitation = await invite();
  const middle = Math.floor(invitation.length / 2);
  const other = invitation[middle] === "A" ? "B" : "A";
  await ben.refused("namespace", "join", invitation.slice(0, middle) + other + invitation.slice(middle + 1));
  await ben.refused("namespace", "join", invitation.slice(0, -40));
  // Text that reads well, and says more than was signed.
  const [, encoded = ""] = invitation.split(".");
  const text = Buffer.from(encoded, "base64url").toString();
  const later = text.replaceAll(/("expiration_timestamp":)(\d+)/g, (_, name: string, at: string) => {
    return `${name}${Number(at) + 1}`;
  });
  expect(later).not.toBe(text);
  const longer = `shoal1.${Buffer.from(later).toString("base64url")}`;
  await ben.refused("namespace", "join", longer);
  await agreeOnMembers([ann], namespace, [ann]);
});

test("one for somebody is nobody else's", TIMEOUT, async () => {
  const invitation = await invite("--for", ben.account);
  await cid.refused("namespace", "join", invitation);
  await ben.shoal("namespace", "join", invitation);
  await agreeOnMembers([ann, ben], namespace, [ann, ben]);
});

test("one that may be used once is spent by that", TIMEOUT, async () => {
  const invitation = await invite("--once");
  await cid.shoal("namespace", "join", invitation);
  await agreeOnMembers(all.all, namespace, [ann, ben, cid]);
  const another = await ben.shoal("context", "generate-identity");
  await ben.refused("namespace", "join", invitation, "--as", another);
  await agreeOnMembers(all.all, namespace, [ann, ben, cid]);
});

test("one that was taken back lets nobody in, also where that is not known yet", TIMEOUT, async () => {
  const invitation = await invite();
  const another = await ben.shoal("context", "generate-identity");
  await all.mesh.part([ann.node], [ben.node]);
  await all.mesh.part([cid.node], [ben.node]);
  await ann.shoal("group", "withdraw", namespace, invitation);
  await ben.shoal("namespace", "join", invitation, "--as", another);
  await say([ben], ["group", "members", "list", namespace], (said) => said.includes(another));
  await all.mesh.heal();
  await agreeOnMembers(all.all, namespace, [ann, ben, cid]);
  await ben.refused("namespace", "join", invitation, "--as", another);
});

test("one whose time is over lets nobody in", TIMEOUT, async () => {
  const invitation = await invite("--valid-for", "1s");
  const end = Date.now() + 1000;
  const another = await ben.shoal("context", "generate-identity");
  await eventually(() => (Date.now() > end + 1000 ? true : undefined), "its time is over");
  await ben.refused("namespace", "join", invitation, "--as", another);
  await agreeOnMembers(all.all, namespace, [ann, ben, cid]);
});

test("who came in reads and writes what is there, without another command", TIMEOUT, async () => {
  await store(ann, context, "by", "ann");
  await agreeOnValue(all.all, context, "by", "ann");
  await store(cid, context, "by", "cid");
  await agreeOnValue(all.all, context, "by", "cid");
});
