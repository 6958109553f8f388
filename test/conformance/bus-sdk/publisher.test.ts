/** The publisher against real brokers: confirmed, in order, and never lost when the broker dies. */
import { expect, onTestFinished, test } from "vitest";
import { envelopeSchema, outputHeadersSchema } from "@shoal/shared/wire/envelope.ts";
import { milliseconds, seconds } from "@shoal/shared/base/time.ts";
import { describeOnBrokers, unique } from "../../support/brokers.ts";
import { eventually } from "../../support/clock.ts";
import { inbox, publisherOf } from "./support.ts";

describeOnBrokers("the publisher", (broker) => {
  test("says the envelope with its headers and its key, in order, and is told of each confirm", async () => {
    const id = unique("prc");
    const box = await inbox(broker.url, unique("q"), `${id}.#`);
    const publisher = publisherOf(broker.url, id, { geohash: "u4pruydqq", epoch: 7 });
    onTestFinished(async () => void (await Promise.all([publisher.close(), box.close()])));
    await publisher.connect();
    const receipts = [];
    for (let n = 0; n < 50; n++) {
      receipts.push(
        await publisher.publish({ eventType: "count", payload: { n, at: new Date(0), set: new Set([1]) } }),
      );
    }
    expect(await Promise.all(receipts.map((receipt) => receipt.confirmed()))).toEqual(Array(50).fill("routed"));
    await eventually(() => (box.messages.length === 50 ? true : undefined), "all arrive");
    const [first] = box.messages;
    expect(first?.fields.routingKey).toBe(`${id}.count.u4p.ruy.dqq`);
    expect(outputHeadersSchema.parse(first?.properties.headers)).toEqual({
      processor_id: id,
      event_type: "count",
      epoch: 7,
      sequence: 1,
      geohash: "u4pruydqq",
    });
    const envelopes = box.messages.map(({ content }) => envelopeSchema.parse(JSON.parse(content.toString())));
    expect(envelopes.map(({ payload }) => payload["n"])).toEqual(Array.from({ length: 50 }, (_, n) => n));
    expect(envelopes[0]?.payload).toEqual({ n: 0, at: "1970-01-01T00:00:00.000Z", set: [1] });
    expect(envelopes.map(({ message_id: messageId }) => messageId)).toEqual(receipts.map(({ messageId }) => messageId));
  });

  test("counts what no queue wants", async () => {
    const publisher = publisherOf(broker.url, unique("prc"));
    onTestFinished(() => publisher.close());
    await publisher.connect();
    const receipt = await publisher.publish({ eventType: "lonely", payload: {} });
    expect(await receipt.confirmed()).toBe("returned");
    expect(publisher.counts).toMatchObject({ accepted: 1, confirmed: 1, returned: 1 });
  });

  test.skipIf(!broker.killable)(
    "loses nothing it had confirmed, and keeps the order, when the broker dies",
    async () => {
      const [id, queue] = [unique("prc"), unique("q")];
      const before = await inbox(broker.url, queue, `${id}.#`);
      const publisher = publisherOf(broker.url, id, { window: { count: 200, bytes: 1_000_000 } });
      await publisher.connect();
      const confirmed = new Set<string>();
      const accepted: string[] = [];
      const until = new AbortController();
      const publishing = (async () => {
        for (let n = 0; !until.signal.aborted; n++) {
          const receipt = await publisher.publish({ eventType: "count", payload: { n } });
          accepted.push(receipt.messageId);
          void receipt.confirmed().then(() => confirmed.add(receipt.messageId));
        }
      })();
      await eventually(() => (confirmed.size > 1000 ? true : undefined), "a thousand confirms");
      await broker.kill9();
      await broker.restart();
      const seen = confirmed.size;
      const after = await inbox(broker.url, queue, `${id}.#`);
      onTestFinished(async () => void (await Promise.all([publisher.close(), after.close(), before.leave()])));
      await eventually(() => (confirmed.size > seen + 1000 ? true : undefined), "a thousand more");
      until.abort();
      await publishing;
      expect(await publisher.drain(seconds(20))).toBe(0);
      expect(publisher.reconnects).toBeGreaterThan(0);
      await eventually(() => {
        const ids = new Set(
          [...before.messages, ...after.messages].map(({ properties }) => properties.messageId as string),
        );
        return ids.size === accepted.length ? true : undefined;
      }, "everything is there");
      const order = [
        ...new Set([...before.messages, ...after.messages].map(({ properties }) => String(properties.messageId))),
      ];
      expect(order).toEqual(accepted);
    },
  );

  test("waits while the window is full, and says so when it takes too long", async () => {
    const publisher = publisherOf(broker.url, unique("prc"), {
      window: { count: 2, bytes: 1000 },
      acceptWithin: milliseconds(50),
    });
    onTestFinished(() => publisher.close());
    // Not connected: nothing is confirmed.
    await publisher.publish({ eventType: "a", payload: {} });
    await publisher.publish({ eventType: "a", payload: {} });
    await expect(publisher.publish({ eventType: "a", payload: {} })).rejects.toMatchObject({
      code: "deadline_exceeded",
    });
    await publisher.connect();
    expect(await publisher.drain(seconds(10))).toBe(0);
    await publisher.publish({ eventType: "a", payload: {} });
  });
});
