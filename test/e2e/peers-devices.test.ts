/** What a person has beside membership: a second device, contexts that come by themselves or not, and being seen by others. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/clock.ts";
import { levelled } from "../support/mesh-team.ts";
import { agreeOnMembers, agreeOnValue, lines, people, say, store, type People, type Person } from "./people.ts";

const TIMEOUT = { timeout: 60_000 };

let all: People;
let desk: Person;
let ben: Person;
let phone: Person;
let namespace: string;
let context: string;

beforeAll(async () => {
  all = await people(3);
  const [first, second, third] = all.all;
  if (first === undefined || second === undefined || third === undefined) throw new Error("there are three");
  [desk, ben, phone] = [first, second, third];
  namespace = await desk.shoal("namespace", "create", all.application, "--name", "home");
  context = await desk.shoal("context", "create", all.application, "--group", namespace);
  await ben.shoal("namespace", "join", await desk.shoal("namespace", "invite", namespace));
  await agreeOnMembers([desk, ben], namespace, [desk, ben]);
  await agreeOnValue([desk, ben], context, "nothing", undefined);
}, 120_000);
afterAll(() => all.end());

const contextsOf = async ({ shoal }: Person): Promise<readonly string[]> => lines(await shoal("context", "list"));

test("a context that is made later comes to who follows, and not to who does not", TIMEOUT, async () => {
  const first = await desk.shoal("context", "create", all.application, "--group", namespace);
  await agreeOnValue([ben], first, "nothing", undefined);
  await ben.shoal("group", "members", "auto-follow", namespace, ben.account);
  const second = await desk.shoal("context", "create", all.application, "--group", namespace);
  await say([ben], ["group", "contexts", "list", namespace], (said) => said.includes(second));
  await store(desk, first, "is", "level");
  await agreeOnValue([ben], first, "is", "level");
  expect(await contextsOf(ben)).not.toContain(second);
  await ben.shoal("group", "members", "auto-follow", namespace, ben.account, "--contexts");
  const third = await desk.shoal("context", "create", all.application, "--group", namespace);
  await agreeOnValue([ben], third, "nothing", undefined);
});

test("who is at something is seen on the other node, and gone when they say so", TIMEOUT, async () => {
  const end = new AbortController();
  let isOpen = false;
  const seen: unknown[] = [];
  const watching = (async (): Promise<void> => {
    const events = ben.node.client.events({ contextIds: [context], signal: end.signal, onOpen: () => (isOpen = true) });
    for await (const { type, data } of events) if (type === "Ephemeral") seen.push(data);
  })();
  await eventually(() => (isOpen ? true : undefined), "the stream is open");
  const beAt = async (state: string): Promise<void> => {
    const params = { contextId: context, state: [...Buffer.from(state)] };
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "set_ephemeral", params });
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${desk.node.url}/jsonrpc`, { method: "POST", headers, body });
    expect(await response.json()).not.toHaveProperty("error");
  };
  await beAt("at the desk");
  const state = [...Buffer.from("at the desk")];
  await eventually(() => (seen.length > 0 ? true : undefined), "presence is heard");
  expect(seen[0]).toMatchObject({ author: desk.account, state });
  await beAt("");
  await eventually(() => (seen.length > 1 ? true : undefined), "its end is heard");
  expect(seen[1]).toMatchObject({ author: desk.account, removed: true });
  end.abort();
  await watching;
});

test("a phone becomes a device of the account, writes as it, and is unlinked", TIMEOUT, async () => {
  await store(desk, context, "on", "the desk");
  await phone.refused("call", context, "len");
  const { accountId } = await desk.json<{ accountId: string }>("node", "identity");
  const { accountId: device } = await phone.json<{ accountId: string }>("node", "identity");
  const pairing = await phone.json<{ confirmationCode: string }>(
    "account",
    "pair-init",
    namespace,
    "--account",
    accountId,
  );
  const { confirmationCode, ...text } = pairing;
  const complete = ["account", "pair-complete", namespace, JSON.stringify(text), "--code"];
  await desk.refused(...complete, "00000000");
  await desk.shoal(...complete, confirmationCode);
  await say(all.all, ["account", "devices", namespace], (said) => lines(said).includes(device));
  await agreeOnMembers(all.all, namespace, [desk, ben]);
  await agreeOnValue([phone], context, "on", "the desk");
  await store(phone, context, "by", "the phone");
  await agreeOnValue(all.all, context, "by", "the phone");
  await levelled(all.mesh.nodes, context);

  // One account on two nodes: what both count at once is counted twice.
  const before = Number(await desk.shoal("call", context, "written"));
  await all.mesh.part([desk.node], [phone.node]);
  await all.mesh.part([phone.node], [ben.node]);
  for (const each of [desk, phone]) for (const key of ["a", "b", "c"]) await store(each, context, key, "counted");
  await all.mesh.heal();
  await say(all.all, ["call", context, "written"], (said) => said === String(before + 6));
  await levelled(all.mesh.nodes, context);

  await desk.shoal("account", "revoke", namespace, device);
  await say([desk, ben], ["account", "devices", namespace], (said) => !lines(said).includes(device));
  await store(desk, context, "after", "that");
  await agreeOnValue([desk, ben], context, "after", "that");
  await phone.shoal("context", "sync", context).catch(() => undefined);
  const read = await phone.shoal("call", context, "get", "--args", '{"key":"after"}').catch(() => "null");
  expect(read).toBe("null");
  await store(phone, context, "from", "outside").catch(() => undefined);
  await store(ben, context, "later", "still");
  await agreeOnValue([desk, ben], context, "later", "still");
  await agreeOnValue([desk, ben], context, "from", undefined);
});
