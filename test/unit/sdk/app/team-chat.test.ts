import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { builtApp } from "./built.ts";
import { type Answer, openNode, type Replica, replicasOn, type TestNode } from "./replica.ts";

interface Message {
  readonly id: string;
  readonly author: string;
  readonly text: string;
  readonly editedAtMs: number;
  readonly replyTo: string | null;
}

let wasm: Uint8Array;
let nodes: readonly TestNode[];
let ann: Replica;
let ben: Replica;

beforeAll(async () => {
  wasm = await builtApp("team-chat");
  nodes = await Promise.all([openNode(1), openNode(2)]);
});
afterAll(() => Promise.all(nodes.map((node) => node.close())));
beforeEach(async () => {
  [ann, ben] = (await replicasOn(nodes, wasm)) as [Replica, Replica];
  await ben.receive((await ann.call("init")).artifact);
});

/** What happened on one replica reaches the other, with the handlers that its events ask for. */
async function tell(answers: readonly Answer[], to: Replica): Promise<void> {
  for (const { artifact, events } of answers) {
    await to.receive(artifact);
    for (const { handler, data } of events) if (handler !== undefined) await to.call(handler, data as object);
  }
}

const page = async (replica: Replica, args: object = {}): Promise<{ messages: Message[]; next: string | null }> =>
  (await replica.value("page", { channel: "general", ...args })) as { messages: Message[]; next: string | null };

describe("messages", () => {
  test("sent at once on two replicas all stay, in one order", async () => {
    const first = [await ann.call("send", { channel: "general", text: "hello" })];
    const second = [await ben.call("send", { channel: "general", text: "hi" })];
    await tell(second, ann);
    await tell(first, ben);
    expect(ann.root).toBe(ben.root);
    for (const replica of [ann, ben]) {
      const { messages } = await page(replica);
      expect(messages.map(({ text, author }) => [text, author])).toEqual([
        ["hi", ben.user],
        ["hello", ann.user],
      ]);
      expect(await replica.value("count", { channel: "general" })).toBe(2);
    }
  });

  test("are edited and removed by their author alone", async () => {
    const sent = await ann.call("send", { channel: "general", text: "helo" });
    await tell([sent], ben);
    const args = { channel: "general", id: sent.value };
    expect(await ben.errorOf("edit", { ...args, text: "I wrote this" })).toMatchObject({ code: "refused" });
    expect(await ben.errorOf("remove", args)).toMatchObject({ code: "refused" });

    await tell([await ann.call("edit", { ...args, text: "hello" })], ben);
    const [edited] = (await page(ben)).messages;
    expect(edited).toMatchObject({ text: "hello", author: ann.user });
    expect(edited?.editedAtMs).toBeGreaterThan(0);

    await tell([await ann.call("remove", args)], ben);
    expect((await page(ben)).messages).toEqual([]);
    expect(ann.root).toBe(ben.root);
  });

  test("come in pages, the newest first", async () => {
    for (let n = 1; n <= 5; n++) await ann.call("send", { channel: "general", text: `m${n}` });
    const first = await page(ann, { limit: 2 });
    expect(first.messages.map(({ text }) => text)).toEqual(["m5", "m4"]);
    const second = await page(ann, { limit: 2, before: first.next });
    expect(second.messages.map(({ text }) => text)).toEqual(["m3", "m2"]);
    const third = await page(ann, { limit: 2, before: second.next });
    expect([third.messages.map(({ text }) => text), third.next]).toEqual([["m1"], null]);
  });

  test("answer others, of their own channel", async () => {
    const { value: id } = await ann.call("send", { channel: "general", text: "question" });
    await ann.call("send", { channel: "general", text: "answer", replyTo: id });
    expect((await page(ann)).messages[0]?.replyTo).toBe(id);
    expect(await ann.errorOf("send", { channel: "general", text: "x", replyTo: "none" })).toMatchObject({
      code: "not_found",
    });
    expect(await ann.errorOf("send", { channel: "nowhere", text: "x" })).toEqual({
      code: "not_found",
      message: "no such channel: nowhere",
    });
  });
});

test("a topic that two edit at once keeps what both wrote", async () => {
  await tell([await ann.call("editTopic", { channel: "general", at: 0, insert: "plans" })], ben);
  const first = [await ann.call("editTopic", { channel: "general", at: 0, insert: "our " })];
  const second = [await ben.call("editTopic", { channel: "general", at: 5, insert: " 🐟" })];
  await tell(second, ann);
  await tell(first, ben);
  expect(await ann.value("topic", { channel: "general" })).toBe("our plans 🐟");
  expect(await ben.value("topic", { channel: "general" })).toBe("our plans 🐟");
  await ann.call("editTopic", { channel: "general", at: 0, remove: 4, insert: "my " });
  expect(await ann.value("topic", { channel: "general" })).toBe("my plans 🐟");
  expect(await ann.errorOf("editTopic", { channel: "general", at: 99, insert: "x" })).toMatchObject({
    code: "refused",
  });
});

test("reactions count once for each person", async () => {
  const sent = await ann.call("send", { channel: "general", text: "done!" });
  await tell([sent], ben);
  const args = { channel: "general", id: sent.value, emoji: "🎉" };
  const first = [await ann.call("react", args), await ann.call("react", args)];
  const second = [await ben.call("react", args)];
  await tell(second, ann);
  await tell(first, ben);
  expect(ann.root).toBe(ben.root);
  expect(await ann.value("reactionsOf", { id: sent.value })).toEqual({ "🎉": 2 });
  await tell([await ben.call("unreact", args)], ann);
  expect(await ann.value("reactionsOf", { id: sent.value })).toEqual({ "🎉": 1 });
  expect(await ben.value("unreact", args)).toBe(false);
});

test("read marks stay on their node", async () => {
  const sent = await ann.call("send", { channel: "general", text: "one" });
  await tell([sent, await ann.call("send", { channel: "general", text: "two" })], ben);
  expect(await ben.value("unread", { channel: "general" })).toBe(2);
  await tell([await ben.call("markRead", { channel: "general", id: sent.value })], ann);
  expect(await ben.value("unread", { channel: "general" })).toBe(1);
  expect(await ann.value("unread", { channel: "general" })).toBe(2);
});

test("a message that names somebody is marked where they are, by a handler", async () => {
  await tell([await ben.call("setProfile", { name: "ben" })], ann);
  expect(await ann.value("profile", { user: ben.user })).toEqual({ name: "ben", status: "" });
  const sent = await ann.call("send", { channel: "general", text: "lunch, @ben?" });
  expect(sent.events).toEqual([
    {
      kind: "MessageSent",
      data: { channel: "general", id: sent.value, author: ann.user, text: "lunch, @ben?" },
      handler: "received",
    },
  ]);
  await tell([sent], ben);
  expect(await ben.value("lastMention", { channel: "general" })).toBe(sent.value);
  expect(await ann.value("lastMention", { channel: "general" })).toBeNull();
});

test("channels are listed by name and made once", async () => {
  await ann.call("createChannel", { name: "art" });
  const channels = (await ann.value("listChannels")) as { name: string }[];
  expect(channels.map(({ name }) => name)).toEqual(["art", "general"]);
  expect(await ann.errorOf("createChannel", { name: "art" })).toMatchObject({ code: "already_exists" });
  expect(await ann.errorOf("createChannel", { name: "two words" })).toMatchObject({ code: "invalid_argument" });
});
