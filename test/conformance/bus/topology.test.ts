/** Exchanges, queues and bindings: what is declared, refused, routed and kept. */
import amqp, { type ConfirmChannel } from "amqplib";
import { afterEach, describe, expect, test } from "vitest";
import { describeOnBrokers, unique } from "../../support/brokers.ts";
import { topicMatches } from "./topic-oracle.ts";

describeOnBrokers("topology", (broker) => {
  const open: { close(): Promise<unknown> }[] = [];
  const channel = async (): Promise<ConfirmChannel> => {
    const connection = await amqp.connect(broker.url);
    connection.on("error", () => undefined);
    open.push(connection);
    const opened = await connection.createConfirmChannel();
    opened.on("error", () => undefined);
    return opened;
  };
  afterEach(async () => {
    await Promise.all(open.splice(0).map((each) => each.close().catch(() => undefined)));
  });
  const codeOf = (asked: Promise<unknown>): Promise<number | undefined> =>
    asked.then(
      () => 0,
      (thrown: { code?: number }) => thrown.code,
    );
  const mine = async (ch: ConfirmChannel): Promise<string> => (await ch.assertQueue("", { exclusive: true })).queue;
  const counts = async (ch: ConfirmChannel, ...queues: string[]): Promise<number[]> => {
    await ch.waitForConfirms();
    return Promise.all(queues.map(async (queue) => (await ch.checkQueue(queue)).messageCount));
  };

  test("direct, fanout and headers exchanges route each in its way", async () => {
    const ch = await channel();
    const [a, b] = [await mine(ch), await mine(ch)];
    const names = { direct: unique("direct"), fanout: unique("fanout"), headers: unique("headers") };
    for (const [type, name] of Object.entries(names)) await ch.assertExchange(name, type, { autoDelete: true });
    await ch.bindQueue(a, names.direct, "k");
    await ch.bindQueue(b, names.direct, "other");
    ch.publish(names.direct, "k", Buffer.from("1"));
    expect(await counts(ch, a, b)).toEqual([1, 0]);
    await ch.bindQueue(a, names.fanout, "");
    await ch.bindQueue(b, names.fanout, "ignored");
    ch.publish(names.fanout, "whatever", Buffer.from("2"));
    expect(await counts(ch, a, b)).toEqual([2, 1]);
    await ch.bindQueue(a, names.headers, "", { "x-match": "all", kind: "x", n: 1 });
    await ch.bindQueue(b, names.headers, "", { "x-match": "any", kind: "x", n: 2 });
    ch.publish(names.headers, "", Buffer.from("3"), { headers: { kind: "x", n: 1 } });
    ch.publish(names.headers, "", Buffer.from("4"), { headers: { kind: "y", n: 2 } });
    expect(await counts(ch, a, b)).toEqual([3, 3]);
  });

  test("a queue bound twice to what matches gets one copy", async () => {
    const ch = await channel();
    const queue = await mine(ch);
    for (const pattern of ["a.#", "a.*", "#"]) await ch.bindQueue(queue, "amq.topic", pattern);
    ch.publish("amq.topic", "a.b", Buffer.from("x"));
    expect(await counts(ch, queue)).toEqual([1]);
    for (const pattern of ["a.#", "a.*", "#"]) await ch.unbindQueue(queue, "amq.topic", pattern);
    ch.publish("amq.topic", "a.b", Buffer.from("x"));
    expect(await counts(ch, queue)).toEqual([1]);
  });

  test("exchanges bound to exchanges route through, also in a circle", async () => {
    const ch = await channel();
    const [first, second, queue] = [unique("x"), unique("x"), await mine(ch)];
    for (const name of [first, second]) await ch.assertExchange(name, "topic", {});
    await ch.bindExchange(second, first, "a.#");
    await ch.bindExchange(first, second, "#");
    await ch.bindQueue(queue, second, "#.z");
    ch.publish(first, "a.z", Buffer.from("1"));
    ch.publish(first, "b.z", Buffer.from("2"));
    expect(await counts(ch, queue)).toEqual([1]);
    await ch.unbindExchange(second, first, "a.#");
    ch.publish(first, "a.z", Buffer.from("3"));
    expect(await counts(ch, queue)).toEqual([1]);
    await ch.deleteExchange(first);
    await ch.deleteExchange(second);
  });

  test("an alternate exchange takes what finds no queue", async () => {
    const ch = await channel();
    const [rest, main, queue] = [unique("rest"), unique("main"), await mine(ch)];
    await ch.assertExchange(rest, "fanout", {});
    await ch.assertExchange(main, "topic", { alternateExchange: rest });
    await ch.bindQueue(queue, rest, "");
    const returned: unknown[] = [];
    ch.on("return", (message) => returned.push(message));
    ch.publish(main, "nowhere", Buffer.from("x"), { mandatory: true });
    expect(await counts(ch, queue)).toEqual([1]);
    expect(returned).toEqual([]);
    await ch.deleteExchange(main);
    await ch.deleteExchange(rest);
  });

  test("an internal exchange takes nothing from clients (403)", async () => {
    const ch = await channel();
    const name = unique("internal");
    await ch.assertExchange(name, "topic", { internal: true, autoDelete: true });
    const closed = new Promise<number | undefined>((resolve) => {
      ch.on("error", (thrown: { code?: number }) => resolve(thrown.code));
    });
    ch.publish(name, "k", Buffer.from("x"), {}, () => undefined);
    expect(await closed).toBe(403);
  });

  describe("a declaration that differs is refused with 406:", () => {
    test.each([
      ["a queue's durability", { durable: true }, { durable: false }],
      ["a queue's time to live", { messageTtl: 1000 }, { messageTtl: 2000 }],
      ["a queue's bound", {}, { maxLength: 5 }],
    ])("%s", async (_what, before, after) => {
      const [ch, other] = [await channel(), await channel()];
      const queue = unique("q");
      await ch.assertQueue(queue, before);
      await ch.assertQueue(queue, before);
      expect(await codeOf(other.assertQueue(queue, after))).toBe(406);
      await ch.deleteQueue(queue);
    });

    test("an exchange's type", async () => {
      const [ch, other] = [await channel(), await channel()];
      const name = unique("x");
      await ch.assertExchange(name, "topic", {});
      expect(await codeOf(other.assertExchange(name, "direct", {}))).toBe(406);
      await ch.deleteExchange(name);
    });

    test.each([
      ["a negative time to live", { "x-message-ttl": -1 }],
      ["an expiry of nothing", { "x-expires": 0 }],
      ["a bound that is no number", { "x-max-length": "many" }],
      ["an overflow nobody knows", { "x-overflow": "burst" }],
      ["a dead letter key without its exchange", { "x-dead-letter-routing-key": "k" }],
    ])("%s", async (_what, args) => {
      const ch = await channel();
      expect(await codeOf(ch.assertQueue(unique("q"), { arguments: args }))).toBe(406);
    });
  });

  test("what is in use, not empty or reserved is not deleted", async () => {
    const ch = await channel();
    const queue = unique("q");
    await ch.assertQueue(queue);
    ch.sendToQueue(queue, Buffer.from("x"));
    await ch.waitForConfirms();
    expect(await codeOf((await channel()).deleteQueue(queue, { ifEmpty: true }))).toBe(406);
    await ch.consume(queue, () => undefined);
    expect(await codeOf((await channel()).deleteQueue(queue, { ifUnused: true }))).toBe(406);
    expect((await ch.deleteQueue(queue)).messageCount).toBe(0);
    expect((await ch.deleteQueue(queue)).messageCount).toBe(0);
    expect(await codeOf((await channel()).deleteExchange("amq.topic"))).toBe(403);
    expect(await codeOf((await channel()).assertExchange("amq.mine", "topic"))).toBe(403);
  });

  test("an auto-delete exchange goes with its last binding", async () => {
    const ch = await channel();
    const [name, queue] = [unique("x"), await mine(ch)];
    await ch.assertExchange(name, "topic", { autoDelete: true });
    await ch.bindQueue(queue, name, "#");
    await ch.checkExchange(name);
    await ch.deleteQueue(queue);
    expect(await codeOf(ch.checkExchange(name))).toBe(404);
  });

  test.skipIf(!broker.killable)("durable topology outlasts kill -9, and what is not durable does not", async () => {
    const ch = await channel();
    const [kept, gone, exchange] = [unique("kept"), unique("gone"), unique("x")];
    await ch.assertExchange(exchange, "topic", { durable: true });
    await ch.assertQueue(kept, { durable: true, maxLength: 10 });
    await ch.assertQueue(gone, { durable: false });
    await ch.bindQueue(kept, exchange, "a.#");
    await ch.bindQueue(kept, exchange, "b.#");
    await ch.unbindQueue(kept, exchange, "b.#");
    ch.sendToQueue(kept, Buffer.from("persistent"), { persistent: true });
    ch.sendToQueue(kept, Buffer.from("transient"), { persistent: false });
    await ch.waitForConfirms();
    await broker.kill9();
    await broker.restart();
    const after = await channel();
    expect((await after.assertQueue(kept, { durable: true, maxLength: 10 })).messageCount).toBe(1);
    after.publish(exchange, "a.1", Buffer.from("x"));
    after.publish(exchange, "b.1", Buffer.from("x"));
    await after.waitForConfirms();
    expect((await after.checkQueue(kept)).messageCount).toBe(2);
    await after.deleteQueue(kept);
    await after.deleteExchange(exchange);
    expect(await codeOf(after.checkQueue(gone))).toBe(404);
  });

  test("72 patterns x 82 keys route as the rule says", async () => {
    const ch = await channel();
    const exchange = unique("topics");
    await ch.assertExchange(exchange, "topic", { autoDelete: true });
    const [patterns, keys] = [PATTERNS, KEYS];
    expect([patterns.length, keys.length]).toEqual([72, 82]);
    const heard = new Set<string>();
    for (const pattern of patterns) {
      const queue = await mine(ch);
      await ch.bindQueue(queue, exchange, pattern);
      await ch.consume(
        queue,
        (message) => message !== null && heard.add(`${pattern} <- ${message.fields.routingKey}`),
        { noAck: true },
      );
    }
    const end = await mine(ch);
    for (const key of keys) ch.publish(exchange, key, Buffer.from("x"));
    await ch.waitForConfirms();
    const expected = new Set(
      patterns.flatMap((pattern) =>
        keys.filter((key) => topicMatches(pattern, key)).map((key) => `${pattern} <- ${key}`),
      ),
    );
    await expect.poll(() => heard.size, { timeout: 20_000 }).toBe(expected.size);
    expect([...heard].sort()).toEqual([...expected].sort());
    await ch.deleteQueue(end);
  });
});

/** 0 to 4 words; a fixed walk through the possible ones, so that every run asks the same. */
function combinations(words: readonly string[], count: number): string[] {
  const found = new Set<string>(["", "."]);
  for (const word of words) found.add(word);
  for (let seed = 1; found.size < count; seed = (seed * 48_271) % 2_147_483_647) {
    const length = 1 + (seed % 4);
    const picked = Array.from(
      { length },
      (_, index) => words[Math.floor(seed / 7 ** (index + 1)) % words.length] ?? "",
    );
    found.add(picked.join("."));
  }
  return [...found];
}

const PATTERNS = combinations(["a", "b", "*", "#", "u4-pr"], 72);
const KEYS = combinations(["a", "b", "c", "u4-pr", ""], 82);
