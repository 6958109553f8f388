/** What a publisher hands to its successor, over a real broker: ids that a re-run repeats, and events that were never confirmed. */
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { seconds } from "@shoal/shared/base/time.ts";
import { inbox, publisherOf } from "../../../conformance/bus-sdk/support.ts";
import { startTestBus, type TestBus } from "../../../support/bus.ts";
import { unique } from "../../../support/brokers.ts";
import { eventually } from "../../../support/clock.ts";

let bus: TestBus;
beforeAll(async () => {
  bus = await startTestBus();
});
afterAll(() => bus.stop());

const say = async (publisher: ReturnType<typeof publisherOf>, ...values: number[]): Promise<string[]> => {
  const ids = [];
  for (const n of values) ids.push((await publisher.publish({ eventType: "count", payload: { n } })).messageId);
  return ids;
};

test("a re-run repeats the ids of what it says again, and no others", async () => {
  const id = unique("prc");
  const first = publisherOf(bus.url, id);
  await say(first, 1, 2);
  const kept = JSON.parse(JSON.stringify(first.capture())) as unknown;
  const after = await say(first, 3, 4);
  const [same, other, fresh] = [1, 2, 3].map((epoch) => publisherOf(bus.url, id, { epoch }));
  same?.restore(kept);
  other?.restore(kept);
  if (same === undefined || other === undefined || fresh === undefined) return expect.unreachable();
  expect(await say(same, 3, 4)).toEqual(after);
  const [third, fourth] = await say(other, 3, 5);
  expect(third).toBe(after[0]);
  expect(fourth).not.toBe(after[1]);
  const all = await say(fresh, 1, 2, 3, 4);
  expect(all.filter((messageId) => after.includes(messageId))).toEqual([]);
});

test("a successor sends what its predecessor never saw confirmed: same ids, same bytes, its own epoch", async () => {
  const id = unique("prc");
  const box = await inbox(bus.url, unique("q"), `${id}.#`);
  onTestFinished(() => box.close());
  const before = publisherOf(bus.url, id, { epoch: 1, geohash: "u4pruydqq" });
  const ids = await say(before, 1, 2, 3);
  const kept = before.capture();
  const after = publisherOf(bus.url, id, { epoch: 2 });
  onTestFinished(() => after.close());
  after.restore(JSON.parse(JSON.stringify(kept)));
  const more = await say(after, 4);
  await after.connect();
  expect(await after.drain(seconds(10))).toBe(0);
  await eventually(() => (box.messages.length === 4 ? true : undefined), "all are there");
  expect(box.messages.map(({ properties }) => properties.messageId as string)).toEqual([...ids, ...more]);
  expect(box.messages.map(({ properties }) => (properties.headers as { epoch: number }).epoch)).toEqual([2, 2, 2, 2]);
  expect(box.messages[0]?.content.toString()).toBe(kept.unconfirmed[0]?.body);
  expect(box.messages[0]?.fields.routingKey).toBe(`${id}.count.u4p.ruy.dqq`);
});

test("what is no publisher's state changes nothing", async () => {
  const id = unique("prc");
  const publisher = publisherOf(bus.url, id);
  const before = publisher.capture();
  for (const junk of [
    undefined,
    null,
    7,
    {},
    { sequence: 3 },
    { ...before, stream: "x" },
    { ...before, unconfirmed: [{}] },
  ])
    publisher.restore(junk);
  expect(publisher.capture()).toEqual(before);
});

test("a fenced publisher sends nothing more, not even what it had accepted", async () => {
  const id = unique("prc");
  const box = await inbox(bus.url, unique("q"), `${id}.#`);
  onTestFinished(() => box.close());
  const publisher = publisherOf(bus.url, id);
  const receipt = await publisher.publish({ eventType: "late", payload: {} });
  const confirmed = receipt.confirmed();
  await Promise.all([
    expect(confirmed).rejects.toMatchObject({ code: "conflict" }),
    publisher.fence("a later epoch exists"),
  ]);
  await expect(publisher.connect()).rejects.toMatchObject({ code: "cancelled" });
  await expect(publisher.publish({ eventType: "late", payload: {} })).rejects.toMatchObject({ code: "conflict" });
  const other = publisherOf(bus.url, id);
  onTestFinished(() => other.close());
  await other.connect();
  await say(other, 1);
  await eventually(() => (box.messages.length > 0 ? true : undefined), "another's arrives");
  expect(box.messages.map(({ properties }) => (properties.headers as { event_type: string }).event_type)).toEqual([
    "count",
  ]);
});

test("a frozen publisher lets nobody in until it is thawed, and drains meanwhile", async () => {
  const publisher = publisherOf(bus.url, unique("prc"));
  onTestFinished(() => publisher.close());
  await publisher.connect();
  await say(publisher, 1);
  publisher.freeze();
  const waiting = say(publisher, 2);
  expect(await publisher.drain(seconds(10))).toBe(0);
  expect(publisher.capture().sequence).toBe(1);
  publisher.thaw();
  await waiting;
  expect(publisher.capture().sequence).toBe(2);
});

test("an event that cannot be sent fails alone", async () => {
  const publisher = publisherOf(bus.url, unique("prc"));
  onTestFinished(() => publisher.close());
  await publisher.connect();
  await expect(publisher.publish({ eventType: "a.b", payload: {} })).rejects.toMatchObject({ field: "event_type" });
  await expect(publisher.publish({ eventType: "a", payload: { n: 1n } })).rejects.toMatchObject({
    code: "invalid_argument",
  });
  await say(publisher, 1);
  expect(await publisher.drain(seconds(10))).toBe(0);
  expect(publisher.counts).toMatchObject({ accepted: 1, confirmed: 1 });
});
