/** The log through the store: what is on disk comes back, torn ends are cut, damage is said, garbage is given back. */
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { silentLog } from "@shoal/shared/base/log.ts";
import { DEFAULT_LIMITS, type BusLimits } from "@shoal/emulator/bus/limits.ts";
import { syncData, type Sync } from "@shoal/emulator/bus/store/log.ts";
import type { Hold, Message } from "@shoal/emulator/bus/store/message.ts";
import { Store } from "@shoal/emulator/bus/store/store.ts";
import { eventually, systemClock } from "../../../support/clock.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "shoal-log-"));
  folders.push(folder);
  return folder;
};

function open(folder: string, limits: Partial<BusLimits> = {}, sync: Sync = syncData): Store {
  return new Store({
    folder,
    clock: systemClock,
    log: silentLog,
    sync,
    limits: { ...DEFAULT_LIMITS, ...limits },
    onWritten: () => undefined,
    onTrouble: (cause) => {
      if (cause !== undefined) throw cause as Error;
    },
    onBroken: (cause) => {
      throw cause as Error;
    },
  });
}

const QUEUE = { id: 1, durable: true };

function publish(store: Store, body: string, queues: readonly Hold["queue"][] = [QUEUE]): Message {
  const content = { exchange: "x", routingKey: "k", properties: Buffer.from([0, 0]), body: Buffer.from(body) };
  const message = store.create(content, true);
  for (const queue of queues) message.holds.push({ queue, expiresAt: 0, deliveries: 0 });
  store.commit(message);
  return message;
}

const settle = (store: Store, message: Message, queue = QUEUE.id): void => {
  const hold = message.holds.find((each) => each.queue.id === queue);
  if (hold !== undefined) store.settle(message, hold);
};

/** The bodies that the log remembers, in order. */
function bodies(store: Store): string[] {
  return store.recovered.messages.map((each) => store.content(store.restore(each)).body.toString());
}

const lastSegment = (folder: string): string => join(folder, readdirSync(folder).sort().at(-1) ?? "");

describe("the log", () => {
  test("brings back messages, holds, deliveries and topology", async () => {
    const folder = newFolder();
    const store = open(folder);
    store.remember({ kind: "queue", id: 1, name: "q", autoDelete: false, arguments: "" });
    store.remember({ kind: "queue", id: 2, name: "gone", autoDelete: false, arguments: "" });
    store.remember({ kind: "gone", id: 2 });
    const [a, b] = [publish(store, "a"), publish(store, "b", [QUEUE, { id: 3, durable: true }]), publish(store, "c")];
    settle(store, a);
    settle(store, b, 3);
    store.delivered(b, { queue: QUEUE, expiresAt: 0, deliveries: 2 });
    await store.close();
    const again = open(folder);
    expect(bodies(again)).toEqual(["b", "c"]);
    expect(again.recovered.messages[0]?.references).toEqual([{ queue: 1, expiresAt: 0, deliveries: 2 }]);
    expect([...again.topology.values()].map((each) => each.id)).toEqual([1]);
    await again.close();
  });

  test("cut anywhere at its end keeps every whole record before the cut", async () => {
    const folder = newFolder();
    const store = open(folder);
    const ends: number[] = [];
    for (let index = 0; index < 8; index++) {
      publish(store, `body ${index}`);
      ends.push(store.log.active.size);
    }
    await store.close();
    const whole = readFileSync(lastSegment(folder));
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length), fc.uint8Array({ maxLength: 30 }), async (cut, junk) => {
        writeFileSync(lastSegment(folder), whole);
        truncateSync(lastSegment(folder), cut);
        appendFileSync(lastSegment(folder), junk);
        const torn = open(folder);
        const kept = ends.filter((end) => end <= cut).length;
        expect(bodies(torn)).toEqual(Array.from({ length: kept }, (_, index) => `body ${index}`));
        publish(torn, "after");
        await torn.close();
        const again = open(folder);
        expect(bodies(again).at(-1)).toBe("after");
        await again.close();
      }),
      { numRuns: 60 },
    );
  });

  test("cut at a damaged record forgets the whole ones after it for good", async () => {
    const folder = newFolder();
    const store = open(folder);
    publish(store, "one");
    const at = store.log.active.size;
    publish(store, "bad");
    publish(store, "ghost");
    await store.close();
    const bytes = readFileSync(lastSegment(folder));
    bytes[at + 20] = (bytes[at + 20] ?? 0) ^ 0xff;
    writeFileSync(lastSegment(folder), bytes);
    const cut = open(folder);
    expect(bodies(cut)).toEqual(["one"]);
    publish(cut, "new");
    await cut.close();
    const again = open(folder);
    expect(bodies(again)).toEqual(["one", "new"]);
    await again.close();
  });

  test("promises nothing before the disk has it, and syncs once for all that came meanwhile", async () => {
    const folder = newFolder();
    const held: (() => void)[] = [];
    const store = open(folder, {}, () => new Promise((resolve) => held.push(resolve)));
    const ticket = (body: string): number => {
      publish(store, body);
      return store.log.lastTicket;
    };
    const first = ticket("first");
    await eventually(() => (held.length === 1 ? true : undefined), "the first sync");
    const others = Array.from({ length: 50 }, (_, index) => ticket(String(index)));
    expect(store.log.written).toBeLessThan(first);
    held.pop()?.();
    await eventually(() => (held.length === 1 ? true : undefined), "the second sync");
    expect(store.log.written).toBe(first);
    expect(new Set(others).size).toBe(1);
    held.pop()?.();
    await eventually(() => (store.log.written === others[0] ? true : undefined), "all are on disk");
    await store.close();
  });

  test("has the publisher of a durable message wait, and no other", async () => {
    const store = open(newFolder());
    const content = { exchange: "", routingKey: "", properties: Buffer.from([0, 0]), body: Buffer.from("x") };
    const commit = (persistent: boolean, durable: boolean): number => {
      const message = store.create(content, persistent);
      message.holds.push({ queue: { id: 1, durable }, expiresAt: 0, deliveries: 0 });
      return store.commit(message);
    };
    expect([commit(false, true), commit(true, false)]).toEqual([0, 0]);
    expect(commit(true, true)).toBeGreaterThan(store.log.written);
    await store.close();
  });

  test("says damage that is not at its end, with file and byte", async () => {
    const folder = newFolder();
    const store = open(folder, { segmentBytes: 200 });
    for (let index = 0; index < 10; index++) publish(store, "x".repeat(80));
    await store.close();
    const first = join(folder, readdirSync(folder).sort()[0] ?? "");
    const bytes = readFileSync(first);
    bytes[60] = (bytes[60] ?? 0) ^ 0xff;
    writeFileSync(first, bytes);
    expect(() => open(folder)).toThrow(/damaged: .*0000000001\.log at byte 0/);
  });

  test("gives the disk back once messages are settled, and keeps those that are not", async () => {
    const folder = newFolder();
    const limits = { segmentBytes: 4096, slackBytes: 8192 };
    const store = open(folder, limits);
    store.remember({ kind: "queue", id: 1, name: "q", autoDelete: false, arguments: "" });
    const old = publish(store, "the old one");
    let last = old;
    for (let round = 0; round < 50; round++) {
      const burst = Array.from({ length: 20 }, (_, index) => publish(store, `${round}-${index}`.padEnd(100)));
      for (const message of burst.slice(0, -1)) settle(store, message);
      if (last !== old) settle(store, last);
      last = burst.at(-1) ?? last;
      await new Promise((resolve) => setImmediate(resolve));
    }
    const size = (): number => readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    await eventually(() => (size() < 40_000 ? true : undefined), "the log shrinks");
    expect(old.place?.segment.id).toBeGreaterThan(1);
    await store.close();
    const again = open(folder, limits);
    expect(bodies(again).map((each) => each.trim())).toEqual(["the old one", "49-19"]);
    expect([...again.topology.values()]).toMatchObject([{ kind: "queue", name: "q" }]);
    await again.close();
  });

  test("holds contents beyond the limit on disk only, and reads them back", async () => {
    const folder = newFolder();
    const store = open(folder, { residentBytes: 100_000 });
    const messages: Message[] = [];
    for (let index = 0; index < 100; index++) {
      messages.push(publish(store, String(index).padEnd(10_000)));
      // Those that no log keeps go there too, for the time that memory is short.
      const transient = store.create(
        {
          exchange: "",
          routingKey: "",
          properties: Buffer.from([0, 0]),
          body: Buffer.from(`t${index}`.padEnd(10_000)),
        },
        false,
      );
      transient.holds.push({ queue: { id: 9, durable: false }, expiresAt: 0, deliveries: 0 });
      store.commit(transient);
      messages.push(transient);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await eventually(() => (store.resident <= 100_000 ? true : undefined), "memory is given back");
    const texts = messages.map((message) => store.content(message).body.toString().trim());
    expect(texts).toEqual(Array.from({ length: 100 }, (_, index) => [String(index), `t${index}`]).flat());
    for (const message of messages) for (const hold of message.holds.slice()) store.settle(message, hold);
    expect([store.count, store.resident, store.alive]).toEqual([0, 0, 0]);
    await store.close();
  });

  test("remembers after a kill at any write exactly what a model says", async () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.constant("publish" as const) },
      { weight: 3, arbitrary: fc.nat(30) },
      { weight: 1, arbitrary: fc.constant("turn" as const) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 120 }), async (steps) => {
        const folder = newFolder();
        const limits = { segmentBytes: 600, slackBytes: 500 };
        const store = open(folder, limits);
        const alive = new Map<Message, string>();
        let next = 0;
        for (const each of steps) {
          if (each === "publish") {
            const body = `m${next++}`;
            alive.set(publish(store, body), body);
          } else if (each === "turn") await new Promise((resolve) => setImmediate(resolve));
          else {
            const message = [...alive.keys()][each % Math.max(1, alive.size)];
            if (message === undefined) continue;
            settle(store, message);
            alive.delete(message);
          }
        }
        await store.close();
        const again = open(folder, limits);
        expect(bodies(again)).toEqual([...alive.values()]);
        await again.close();
      }),
      { numRuns: 60 },
    );
  });
});
